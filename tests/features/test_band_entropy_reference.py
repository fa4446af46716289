"""Band differential entropy against scipy on the whole signal, at every rate and width; and on bad electrodes."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from streamsense.features.band_entropy import BAND_NAMES, BandEntropy, BandEntropySettings
from streamsense.features.band_filters import band_filters, front_filter, steady_state
from streamsense.features.electrodes import ELECTRODES
from streamsense.streams import StreamInfo, TimedBlock
from streamsense.ticks import tick_time
from tests.helpers.brain_noise import brain_noise

START = 50.0


def electrodes(count: int) -> tuple[str, ...]:
    """Labels of an amplifier with `count` channels; those beyond the known electrodes are something else."""
    return (*ELECTRODES[:count], *(f"AUX{k}" for k in range(count - len(ELECTRODES))))


def opened(labels: tuple[str, ...], rate_hz: float, reference: str = "none", **more: object) -> BandEntropy:
    operator = BandEntropy(BandEntropySettings(reference=reference, **more))  # type: ignore[arg-type]
    units = ("microvolts",) * len(labels)
    operator.open(StreamInfo("eeg", "eeg", "amp", "EEG", "a", labels, units, rate_hz, "float64"))
    return operator


def feed(operator: BandEntropy, samples: np.ndarray, rate_hz: float, edges: list[int] | None = None) -> None:
    times = START + np.arange(len(samples)) / rate_hz
    for a, b in itertools.pairwise(edges or [0, len(samples)]):
        operator.push(TimedBlock("eeg", 0, times[a:b], samples[a:b]))


def scipy_entropy(operator: BandEntropy, samples: np.ndarray, rate_hz: float, tick: float) -> np.ndarray:
    """Entropy (channels, bands) of the window before `tick`, by filtering the whole signal with scipy."""
    s = operator.settings
    front = front_filter(rate_hz, s.highpass_hz, s.line_frequency_hz, s.notch_quality)
    x, _ = signal.sosfilt(front, samples, axis=0, zi=steady_state(front)[:, :, None] * samples[0])
    if s.reference == "average" and samples.shape[1] >= 16:
        x = x - x.mean(axis=1, keepdims=True)
    times = START + np.arange(len(samples)) / rate_hz
    inside = (times >= tick - s.window_s) & (times < tick)
    y = [signal.sosfilt(sections, x, axis=0)[inside] for sections in band_filters(rate_hz, s.bands, s.orders)]
    return np.stack([0.5 * np.log(2 * np.pi * np.e * band.var(axis=0)) for band in y], axis=1)


@pytest.mark.parametrize("reference", ["none", "average"])
@pytest.mark.parametrize(
    ("rate_hz", "channels"), [(100.0, 19), (128.0, 5), (250.0, 1), (500.0, 64), (1000.0, 32), (2000.0, 256)]
)
def test_equals_scipy_on_the_whole_signal(rate_hz: float, channels: int, reference: str) -> None:
    operator = opened(electrodes(channels), rate_hz, reference)
    rng = np.random.default_rng(channels)
    samples = rng.normal(0, 10, (int(7 * rate_hz), channels)) + rng.normal(0, 4000, channels)
    feed(operator, samples, rate_hz)
    tick = tick_time(round(56.6 * 5))
    found = operator.entropy_at(tick)
    known = samples[:, : len(ELECTRODES)]
    difference = np.abs(found - scipy_entropy(operator, known, rate_hz, tick)).max()
    print(f"{rate_hz:g} Hz, {channels} channels, reference {reference}: at most {difference:.1e} nats from scipy")
    assert found.shape == (min(channels, len(ELECTRODES)), len(BAND_NAMES))
    assert difference < 1e-9
    feature = operator.feature_at(tick)
    assert feature.validity == 1.0
    assert feature.inputs["electrode_mask"].sum() == len(found)
    np.testing.assert_array_equal(feature.inputs["band_entropy"][: len(found)], found.astype(np.float32))


def spoilt(rate_hz: float) -> np.ndarray:
    """Seven seconds of 18 electrodes with offsets: one missing now and then, one flat, one that pops."""
    rng = np.random.default_rng(1)
    samples = rng.normal(0, 10, (int(7 * rate_hz), 18)) + rng.normal(0, 4000, 18)
    second = int(rate_hz)
    samples[3 * second : 3 * second + 7, 3] = np.nan
    samples[4 * second, 4] = np.inf
    samples[:, 5] = 17.0
    samples[4 * second + second // 2 :, 6] += 30_000
    return samples


@settings(max_examples=12, deadline=None)
@given(
    rate_hz=st.sampled_from([100.0, 256.0, 1000.0]),
    reference=st.sampled_from(["none", "average"]),
    cuts=st.lists(st.floats(0, 1), max_size=12),
)
def test_any_chunking_gives_the_same_bytes(rate_hz: float, reference: str, cuts: list[float]) -> None:
    samples = spoilt(rate_hz)
    whole, cut = (opened(electrodes(18), rate_hz, reference) for _ in range(2))
    feed(whole, samples, rate_hz)
    feed(cut, samples, rate_hz, sorted([0, len(samples), *(int(share * len(samples)) for share in cuts)]))
    for tick in (tick_time(round(at * 5)) for at in (54.2, 55.2, 57.0)):
        assert whole.entropy_at(tick).tobytes() == cut.entropy_at(tick).tobytes()
        a, b = whole.feature_at(tick), cut.feature_at(tick)
        assert {name: value.tobytes() for name, value in a.inputs.items()} == {
            name: value.tobytes() for name, value in b.inputs.items()
        }
        assert (a.quality, a.validity, a.reasons) == (b.quality, b.validity, b.reasons)


@pytest.mark.parametrize("channel", range(3, 7), ids=["missing", "infinite", "flat", "popped"])
def test_one_bad_electrode_changes_the_reference_of_the_others_by_no_more_than_its_own_share(channel: int) -> None:
    """Its offset of millivolts must not come into the mean of the others, whose signals are a thousandth of it."""
    rate_hz, good = 250.0, np.random.default_rng(1).normal(0, 10, (1750, 18))
    samples = good + np.random.default_rng(2).normal(0, 4000, 18)
    bad = samples.copy()
    bad[:, channel] = spoilt(rate_hz)[:, channel]
    operators = [opened(electrodes(18), rate_hz, "average") for _ in range(2)]
    for operator, values in zip(operators, (samples, bad), strict=True):
        feed(operator, values, rate_hz)
    others = np.arange(18) != channel
    for tick in (tick_time(round(at * 5)) for at in (55.0, 56.0, 57.0)):
        expected, found = (operator.entropy_at(tick)[others] for operator in operators)
        # One electrode in 18 is 6 % of the mean, so the others change by a few hundredths of a nat.
        assert np.abs(found - expected).max() < 0.15, tick
        assert operators[1].feature_at(tick).inputs["electrode_mask"][:18][others].all()


def test_flat_electrodes_are_none() -> None:
    for channels, flat in ((1, 1), (5, 5), (18, 1)):
        samples = brain_noise(np.random.default_rng(0), 10, (1750, channels), 250.0)
        samples[:, :flat] = 12.0
        operator = opened(electrodes(channels), 250.0, "average")
        feed(operator, samples, 250.0)
        feature = operator.feature_at(tick_time(round(56.8 * 5)))
        assert feature.inputs["electrode_mask"].sum() == channels - flat
        assert feature.validity == (0.0 if flat == channels else 1.0)
        assert feature.quality == pytest.approx(1 - flat / channels)
        assert f"{flat} of {channels} electrodes flat" in feature.reasons
        assert all(np.isfinite(value).all() for value in feature.inputs.values())


def test_an_electrode_that_was_flat_has_no_baseline_of_that_time() -> None:
    samples = np.random.default_rng(0).normal(0, 10, (20 * 250, 2))
    samples[: 10 * 250, 0] = 12.0
    operator = opened(electrodes(2), 250.0)
    feed(operator, samples, 250.0)
    inputs = operator.feature_at(tick_time(round(69.8 * 5))).inputs
    assert np.abs(inputs["band_entropy_baseline"][:2] - inputs["band_entropy"][:2]).max() < 0.5


def test_one_electrode_alone_and_nothing_at_all() -> None:
    operator = opened(("Pz",), 250.0, "average")
    before = operator.feature_at(tick_time(round(51.0 * 5)))
    assert before.validity == 0.0
    assert np.isnan(before.last_time)
    feed(operator, np.full((1000, 1), np.nan), 250.0)
    nothing = operator.feature_at(tick_time(round(54.0 * 5)))
    assert (nothing.validity, nothing.quality) == (0.0, 0.0)
    assert all(np.isfinite(value).all() for value in nothing.inputs.values())
    alone = opened(("Pz",), 250.0, "average")
    feed(alone, brain_noise(np.random.default_rng(0), 10, (1750, 1), 250.0), 250.0)
    feature = alone.feature_at(tick_time(round(56.8 * 5)))
    assert (feature.validity, feature.quality) == (1.0, 1.0)
    assert feature.inputs["electrode_mask"].sum() == 1.0


def test_bands_can_be_set_and_enter_the_contract() -> None:
    low = ((1.0, 4.0), (4.0, 8.0), (8.0, 12.0), (12.0, 20.0), (20.0, 30.0))
    operator = opened(("Cz",), 64.0, bands=low, line_frequency_hz=None)
    samples = np.random.default_rng(0).normal(0, 10, (448, 1))
    feed(operator, samples, 64.0)
    tick = tick_time(round(56.8 * 5))
    np.testing.assert_allclose(operator.entropy_at(tick), scipy_entropy(operator, samples, 64.0, tick), atol=1e-9)
    assert operator.contract() != BandEntropy().contract()
    bad: list[dict[str, object]] = [
        {"bands": low[:4]}, {"bands": ((4.0, 1.0), *low[1:])}, {"orders": (0, 2, 2, 2, 2)}, {"highpass_hz": 0.0},
        {"highpass_hz": float("nan")}, {"notch_quality": 0.0}, {"window_s": 0.5}, {"reference": "Cz"},
        {"warm_up_s": -1.0}, {"baseline_s": 0.0}, {"bands": (*low[:4], (20.0, float("inf")))},
    ]  # fmt: skip
    for settings_ in bad:
        with pytest.raises(ValueError, match=r"expected|rising"):
            BandEntropySettings(**settings_)  # type: ignore[arg-type]


@pytest.mark.parametrize("rate_hz", [250.0, 1000.0])
def test_each_band_is_as_late_as_it_says(rate_hz: float) -> None:
    """A swell of each band's middle frequency comes out of its filters by the delay that is told."""
    operator = opened(("Cz",), rate_hz, line_frequency_hz=None)
    s = operator.settings
    times = np.arange(-8, 8, 1 / rate_hz)
    front = front_filter(rate_hz, s.highpass_hz, None, s.notch_quality)
    for (low, high), sections, told_s in zip(
        s.bands, band_filters(rate_hz, s.bands, s.orders), operator.band_delays_s.values(), strict=True
    ):
        swell = np.exp(-((times * (high - low) / 4) ** 2)) * np.cos(2 * np.pi * np.sqrt(low * high) * times)
        power = np.abs(signal.hilbert(signal.sosfilt(np.vstack([front, sections]), swell))) ** 2
        assert (power * times).sum() / power.sum() == pytest.approx(told_s, rel=0.15, abs=0.002)
    assert tuple(operator.band_delays_s) == BAND_NAMES
    feed(operator, np.random.default_rng(0).normal(0, 10, (int(6 * rate_hz), 1)), rate_hz)
    feature = operator.feature_at(tick_time(280))
    median_s = float(np.median(list(operator.band_delays_s.values())))
    assert feature.effective_time == pytest.approx(56.0 - s.window_s / 2 - median_s)


@pytest.mark.real_data
def test_alpha_at_pz_is_larger_in_every_recording_with_closed_eyes(data_folder: Path) -> None:
    found: dict[str, list[float]] = {"Open": [], "Closed": []}
    for path in sorted((data_folder / "eeg_eyes" / "csv" / "Baseline").glob("*.csv")):
        samples = np.genfromtxt(path, delimiter=",", skip_header=1)[:, 1:6]
        operator = opened(("AF3", "T7", "Pz", "T8", "AF4"), 128.0, "average")
        values, edges = [], range(0, len(samples), 128)
        times = START + np.arange(len(samples)) / 128
        for a, b in itertools.pairwise(edges):
            operator.push(TimedBlock("eeg", 0, times[a:b], samples[a:b]))
            if a >= 5 * 128:
                values.append(operator.entropy_at(tick_time(round((START + b / 128) * 5)))[2, 2])
        # The entropy of the mean power of all windows.
        found[path.name.partition("_")[0]].append(0.5 * float(np.log(np.mean(np.exp(2 * np.array(values))))))
    print({name: [round(value, 2) for value in values] for name, values in found.items()})
    assert [len(values) for values in found.values()] == [5, 5]
    assert min(found["Closed"]) > max(found["Open"])


HOSTILE = (np.nan, np.inf, -np.inf, 1e308, -1e308, 1e6, 0.0, 5e-324, 187_500.0)


@settings(max_examples=15, deadline=None)
@given(
    channels=st.sampled_from([1, 2, 16, 40]),
    rate_hz=st.sampled_from([100.0, 512.0]),
    interpolate=st.booleans(),
    seed=st.integers(0, 10_000),
)
def test_whatever_an_amplifier_sends_numbers_come_out(
    channels: int, rate_hz: float, interpolate: bool, seed: int
) -> None:
    """Stretches of nonsense in every electrode, at random; then a clean end, in which they have recovered.

    The high-pass takes 3.4 s from 1 V down to what is no pop; then come the warm-up and a whole window.
    """
    rng = np.random.default_rng(seed)
    samples = rng.normal(0, 10, (int(17 * rate_hz), channels))
    for channel in range(channels):
        for _ in range(3):
            begin, length = int(rng.integers(0, 6 * rate_hz)), int(rng.integers(1, rate_hz))
            samples[begin : begin + length, channel] = rng.choice(HOSTILE)
    samples[int(3 * rate_hz) : int(3.2 * rate_hz)] = rng.choice(HOSTILE, channels)
    samples[int(2 * rate_hz) : int(2.5 * rate_hz) : 2] = np.nan
    operator = opened(electrodes(channels), rate_hz, "average", interpolate=interpolate)
    with np.errstate(all="ignore"):
        feed(operator, samples, rate_hz)
    for after_s in (0.2, 2.0, 3.2, 6.0, 16.8):
        feature = operator.feature_at(tick_time(round((START + after_s) * 5)))
        assert all(np.isfinite(value).all() for value in feature.inputs.values())
        assert 0.0 <= feature.quality <= 1.0
        assert 0.0 <= feature.validity <= 1.0
        assert (feature.validity < 1.0) == (after_s < 13.0)
    assert feature.inputs["electrode_mask"].sum() == channels


@pytest.mark.parametrize("type_", ["int16", "int32", "float32"])
def test_samples_of_every_type_and_layout_give_the_same(type_: str) -> None:
    rng = np.random.default_rng(2)
    samples = rng.integers(-90, 90, (1750, 5))
    whole, other = opened(electrodes(5), 250.0), opened(electrodes(5), 250.0)
    feed(whole, samples.astype(np.float64), 250.0)
    before = samples.astype(type_)
    feed(other, np.asfortranarray(before), 250.0)
    tick = tick_time(round(56.8 * 5))
    assert whole.entropy_at(tick).tobytes() == other.entropy_at(tick).tobytes()
    np.testing.assert_array_equal(before, samples)  # a block is nobody's to change
