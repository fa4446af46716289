"""What is wrong with an electrode is found and named, in real recordings that were spoilt, and not where nothing is."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import signal

from streamsense.features.band_entropy import BandEntropy, BandEntropySettings
from streamsense.features.eeg_quality import EegQualitySettings
from streamsense.features.electrodes import map_electrodes
from streamsense.features.running_level import CELLS, LEAST_CELLS, exchange, limit_above
from streamsense.streams import Feature, StreamInfo, TimedBlock
from streamsense.ticks import tick_time
from tests.helpers.brain_noise import brain_noise

START_S, BEGINS_S, ENDS_S = 50.0, 24.0, 32.0
Recording = tuple[tuple[str, ...], float, np.ndarray, float]


def recordings(data_folder: Path) -> dict[str, Recording]:
    """By name: labels, rate, samples (n, channels) in µV, the country's line frequency."""
    mne = pytest.importorskip("mne")
    found = {}
    for name, hz in (("eegmat/Subject00_1.edf", 50.0), ("eegbci_s001/S001R01.edf", 60.0)):
        raw = mne.io.read_raw_edf(data_folder / name, verbose="ERROR")
        raw.crop(0, 33)
        found[name] = tuple(raw.ch_names), raw.info["sfreq"], raw.get_data().T * 1e6, hz
    path = sorted((data_folder / "eeg_eyes" / "csv" / "Baseline").glob("Closed*.csv"))[0]
    samples = np.genfromtxt(path, delimiter=",", skip_header=1)[: 33 * 128, 1:6]
    found["eeg_eyes"] = ("AF3", "T7", "Pz", "T8", "AF4"), 128.0, samples, 50.0
    return found


def features(recording: Recording, from_s: float, to_s: float) -> list[Feature]:
    """The features of each second between two times."""
    labels, rate_hz, samples, line_hz = recording
    operator = BandEntropy(BandEntropySettings(line_frequency_hz=line_hz))
    operator.open(StreamInfo("eeg", "eeg", "amp", "EEG", "a", labels, ("uV",) * len(labels), rate_hz, "float64"))
    times, found = START_S + np.arange(len(samples)) / rate_hz, []
    for second in range(int(len(samples) / rate_hz)):
        inside = slice(int(second * rate_hz), int((second + 1) * rate_hz))
        operator.push(TimedBlock("eeg", 0, times[inside], samples[inside]))
        if from_s <= second + 1 <= to_s:
            found.append(operator.feature_at(tick_time(round((START_S + second + 1) * 5))))
    return found


def spoil(kind: str, samples: np.ndarray, rate_hz: float) -> np.ndarray:
    """One electrode's `samples` (n,) in µV with something wrong from BEGINS_S to ENDS_S."""
    spoilt, rng = samples.copy(), np.random.default_rng(0)
    inside = slice(int(BEGINS_S * rate_hz), int(ENDS_S * rate_hz))
    part = spoilt[inside]
    t = np.arange(len(part)) / rate_hz
    high_pass = signal.butter(2, 0.5, "highpass", fs=rate_hz, output="sos")
    own_sd = float(np.std(signal.sosfilt(high_pass, samples - samples[0])[int(10 * rate_hz) :]))
    if kind == "flat":
        part[:] = part[0]
    elif kind == "at the amplifier's limit":
        part[:] = 187_500.0
    elif kind == "clipped":
        part[:] = np.median(samples) + np.clip(part - np.median(samples) + 300 * np.sin(4.4 * t), -150, 150)
    elif kind == "missing":
        part[:] = np.nan
    elif kind == "noise":
        part += rng.normal(0, 90, len(part))
    elif kind == "pop":
        part += 800 * np.exp(-t / 0.5)
    elif kind == "speech":  # the face's muscles, four syllables a second
        muscle = signal.butter(4, (25.0, min(0.45 * rate_hz, 100.0)), "bandpass", fs=rate_hz, output="sos")
        noise = signal.sosfilt(muscle, rng.normal(size=len(part)))
        part += 40 * noise / noise.std() * (0.5 - 0.5 * np.cos(2 * np.pi * 4 * t))
    else:
        part += 2 * own_sd * np.sin(2 * np.pi * float(kind.split()[0]) * t) * np.sqrt(2)
    return spoilt


NAMES = {
    "flat": "flat", "at the amplifier's limit": "railed", "clipped": "railed", "missing": "missing", "noise": "noisy",
    "pop": "popped", "speech": "with muscle activity", "50 Hz": "with 50 Hz line noise",
    "60 Hz": "with 60 Hz line noise",
}  # fmt: skip


def counts(feature: Feature) -> dict[str, int]:
    """How many electrodes each reason names."""
    found = (reason.partition(" electrodes ") for reason in feature.reasons)
    return {name: int(head.split()[0]) for head, _, name in found}


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["eegmat/Subject00_1.edf", "eegbci_s001/S001R01.edf", "eeg_eyes"])
def test_each_artefact_is_found_in_a_real_recording(data_folder: Path, name: str) -> None:
    labels, rate_hz, samples, line_hz = recordings(data_folder)[name]
    known = map_electrodes(labels).channels
    channel = known[len(known) // 2]
    clean = features((labels, rate_hz, samples, line_hz), BEGINS_S + 1, ENDS_S)
    shares = {}
    for kind, reason in NAMES.items():
        if kind == "60 Hz" and rate_hz < 134:
            continue  # its notch would be too near half the rate
        spoilt = samples.copy()
        spoilt[:, channel] = spoil(kind, samples[:, channel], rate_hz)
        # From when it fills a good part of the window; what is over at once is named as long as the window holds it.
        first, last = (BEGINS_S + 1, BEGINS_S + 3) if kind == "pop" else (BEGINS_S + 3, ENDS_S)
        skipped = int(first - BEGINS_S - 1)
        found = features((labels, rate_hz, spoilt, line_hz), first, last)
        told = [
            counts(a).get(reason, 0) > counts(b).get(reason, 0) for a, b in zip(found, clean[skipped:], strict=False)
        ]
        assert max(a.quality - b.quality for a, b in zip(found, clean[skipped:], strict=False)) <= 0, kind
        shares[kind] = float(np.mean(told))
    print(f"{name}: { ({kind: f'{share:.0%}' for kind, share in shares.items()}) }")
    # Muscles that stay tense become part of the running level.
    assert shares.pop("speech") >= 0.6
    assert min(shares.values()) >= 0.8, shares


@pytest.mark.real_data
def test_little_is_found_where_nothing_was_done(data_folder: Path) -> None:
    for name, recording in recordings(data_folder).items():
        found = features(recording, 6, 33)
        electrodes = len(map_electrodes(recording[0]).channels)
        shares = {
            reason: np.mean([counts(feature).get(reason, 0) for feature in found]) / electrodes
            for reason in (*NAMES.values(), "with broadband noise")
        }
        print(name, {reason: f"{share:.1%}" for reason, share in shares.items()})
        # The recording of open eyes has blinks, which its frontal electrodes show.
        assert max(shares.values()) < (0.05 if "eegbci" in name else 0.01), (name, shares)


@pytest.mark.real_data
def test_noise_in_every_electrode_lowers_the_quality(data_folder: Path) -> None:
    """White noise, from the first sample on, so that it is in the running levels and in the person's rest as well.

    Of people by whom no threshold was chosen; 10 dB above the EEG it is still below the SD of a `noisy` electrode.
    """
    for name, (labels, rate_hz, samples, line_hz) in recordings(data_folder).items():
        rng, own = np.random.default_rng(0), np.std(samples, axis=0)
        quality, told = {}, {}
        for snr_db in (None, 0.0, -10.0):
            noise = 0.0 if snr_db is None else rng.normal(size=samples.shape) * own * 10 ** (-snr_db / 20)
            found = features((labels, rate_hz, samples + noise, line_hz), 8, 33)
            quality[snr_db] = float(np.mean([feature.quality for feature in found]))
            told[snr_db] = float(np.mean([counts(feature).get("with broadband noise", 0) for feature in found]))
        print(name, quality, told)
        assert quality[None] >= 0.9, name
        assert quality[0.0] <= 0.4, name
        assert quality[-10.0] <= 0.05, name
        assert told[-10.0] >= 0.8 * len(map_electrodes(labels).channels), name


@pytest.mark.real_data
def test_a_cap_that_passes_little_is_not_called_noisy(data_folder: Path) -> None:
    """What an amplifier cut off above 30 or 45 Hz, or what is sampled at 128 Hz, is the same brain's."""
    labels, rate_hz, samples, line_hz = recordings(data_folder)["eegmat/Subject00_1.edf"]
    cut = {hz: signal.sosfilt(signal.butter(4, hz, fs=rate_hz, output="sos"), samples, axis=0) for hz in (30.0, 45.0)}
    slow = signal.resample_poly(samples, 32, 125, axis=0)
    for recording in (*((labels, rate_hz, one, line_hz) for one in cut.values()), (labels, 128.0, slow, line_hz)):
        found = features(recording, 8, 33)
        told = [counts(feature).get("with broadband noise", 0) for feature in found]
        assert np.mean(told) < 0.01 * len(map_electrodes(labels).channels)


def test_reasons_count_the_electrodes() -> None:
    samples = brain_noise(np.random.default_rng(0), 10, (12 * 250, 5), 250.0)
    samples[:, 1] = 12.0
    samples[:, 2] = -187_500.0
    samples[:, 3] = np.nan
    labels = ("Fp1", "F3", "F4", "Cz", "O2")
    (feature,) = features((labels, 250.0, samples, 50.0), 12, 12)
    assert feature.reasons == (
        "1 of 5 electrodes missing", "1 of 5 electrodes flat", "1 of 5 electrodes railed"
    )  # fmt: skip
    assert feature.quality == pytest.approx(0.4)
    (at_once,) = features((labels, 250.0, samples, 50.0), 1, 1)
    assert "3 of 5 electrodes settling" in at_once.reasons


def test_settings_are_checked() -> None:
    wrong: tuple[dict[str, Any], ...] = ({"noisy_sd_uv": 0.0}, {"muscle_share": -1.0}, {"line_share": float("nan")})
    for bad in wrong:
        with pytest.raises(ValueError, match="expected above 0"):
            EegQualitySettings(**bad)


def test_the_running_level_is_that_of_the_last_powers() -> None:
    """Median and lower quartile of the last 25 s, as numpy gives them, and no limit before 5 s."""
    rng = np.random.default_rng(3)
    powers = rng.lognormal(0, 1, 400)
    ordered, ring = np.full(CELLS, np.inf), np.full(CELLS, np.inf)
    for k, power in enumerate(powers):
        exchange(ordered, ring[k % CELLS], power)
        ring[k % CELLS] = power
        held = np.sort(ring[np.isfinite(ring)])
        np.testing.assert_array_equal(ordered[: len(held)], held)
        limit = limit_above(ordered, np.inf, 5.0)
        if len(held) < LEAST_CELLS:
            assert limit == np.inf
        else:
            median, quartile = held[(len(held) - 1) // 2], held[(len(held) - 1) // 4]
            assert limit == pytest.approx(median * (median / quartile) ** 5)
            assert limit_above(ordered, median / 2, 5.0) == pytest.approx(limit / 2)


def test_muscle_that_stays_is_measured_by_the_rest_in_a_profile() -> None:
    """Half a minute of talking is its own running level, but not the person's."""
    rng = np.random.default_rng(0)
    samples = rng.normal(0, 10, (40 * 250, 1))
    samples[5 * 250 :] *= 8
    info = StreamInfo("eeg", "eeg", "amp", "EEG", "a", ("Cz",), ("uV",), 250.0, "float64")
    told = {}
    for profile in (None, {"baseline": {"Cz": [2.5, 2.5, 2.5, 3.0, 3.0]}, "weight": 1.0}):
        operator = BandEntropy()
        operator.use_profile(profile)
        operator.open(info)
        edges = [0, 5000, len(samples)]
        for a, b in itertools.pairwise(edges):
            operator.push(TimedBlock("eeg", 0, START_S + np.arange(a, b) / 250, samples[a:b]))
        feature = operator.feature_at(tick_time(round((START_S + 40) * 5)))
        told[profile is None] = counts(feature).get("with muscle activity", 0)
    assert told == {True: 0, False: 1}


@pytest.mark.parametrize("old", [1e9, np.nan])
def test_powers_that_are_in_no_order_stay_in_their_memory(old: float) -> None:
    """As a damaged snapshot may say: the compiled loop must not write behind the array."""
    memory = np.arange(CELLS + 5.0)
    exchange(memory[:CELLS], old, 0.5)
    np.testing.assert_array_equal(memory[CELLS:], np.arange(CELLS, CELLS + 5.0))
    assert memory[1] == 0.5
