"""Spherical splines against MNE's, and electrodes that are filled in: what they get, and what they do not raise."""

from __future__ import annotations

import itertools
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsense import state as snapshots
from streamsense.features.band_entropy import BandEntropy, BandEntropySettings
from streamsense.features.band_sums import BORROWED
from streamsense.features.electrode_positions import POSITIONS_MM
from streamsense.features.electrodes import ELECTRODES, map_electrodes
from streamsense.features.entropy_cells import CELLS_KEPT
from streamsense.features.spherical_splines import interpolation, spline_weights
from streamsense.streams import Feature, StreamInfo, TimedBlock
from streamsense.ticks import tick_time

START_S = 50.0
CAP = tuple(name for name in ELECTRODES if name[-1] in "z1234" and not name.startswith("OI"))


def opened(labels: tuple[str, ...], rate_hz: float, **more: object) -> BandEntropy:
    operator = BandEntropy(BandEntropySettings(**more))  # type: ignore[arg-type]
    operator.open(StreamInfo("eeg", "eeg", "amp", "EEG", "a", labels, ("uV",) * len(labels), rate_hz, "float64"))
    return operator


def feed(operator: BandEntropy, samples: np.ndarray, rate_hz: float, edges: list[int] | None = None) -> None:
    times = START_S + np.arange(len(samples)) / rate_hz
    for a, b in itertools.pairwise(edges or [0, len(samples)]):
        operator.push(TimedBlock("eeg", 0, times[a:b], samples[a:b]))


def at(operator: BandEntropy, after_s: float) -> Feature:
    return operator.feature_at(tick_time(round((START_S + after_s) * 5)))


def head(seconds: float, rate_hz: float, labels: tuple[str, ...] = CAP) -> np.ndarray:
    """A smooth field over the head: sources deep inside, and a little noise of each electrode's own."""
    rng = np.random.default_rng(5)
    places = np.array([POSITIONS_MM[label] for label in labels])
    sources = rng.normal(size=(12, 3)) * 25
    mixing = 1 / np.linalg.norm(places[:, None] - sources[None], axis=2) ** 2
    signals = rng.normal(0, 1, (int(seconds * rate_hz), 12)) @ mixing.T
    return 20 * signals / signals.std() + rng.normal(0, 0.5, signals.shape)


def quietly(montage: str) -> Any:
    mne = pytest.importorskip("mne")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the montage is to have another name one day
        return mne.channels.make_standard_montage(montage)


def test_positions_are_those_of_the_standard_montage() -> None:
    """Their distances, which do not depend on where the middle is."""
    places_m = quietly("standard_1005").get_positions()["ch_pos"]
    theirs = np.array([places_m[name] for name in ELECTRODES]) * 1000
    ours = np.array([POSITIONS_MM[name] for name in ELECTRODES])
    distances = [np.linalg.norm(p[:, None] - p[None], axis=2) for p in (ours, theirs)]
    np.testing.assert_allclose(distances[0], distances[1], atol=0.2)
    radius = np.linalg.norm(ours, axis=1)
    assert radius.mean() == pytest.approx(98.4, abs=0.5)
    assert radius.std() < 6


def test_weights_keep_what_is_the_same_everywhere_and_what_is_smooth() -> None:
    places = np.array([POSITIONS_MM[name] for name in CAP])
    weights = spline_weights(places[1:], places[:1])
    assert weights.sum() == pytest.approx(1.0)
    tilt = places @ np.array([0.3, -1.0, 0.5])  # a dipole's field is nearly that
    assert weights @ tilt[1:] == pytest.approx(tilt[:1], abs=0.12 * np.ptp(tilt))


def test_only_among_near_neighbours() -> None:
    names = ("Cz", "C1", "C2", "CPz", "O1", "Oz")
    good = (False, True, True, True, False, True)
    filled, weights = interpolation(names, good)
    assert filled.tolist() == [0]  # O1 has one good neighbour
    assert weights[0, 0] == weights[0, 4] == 0.0
    sparse = ("Fp1", "Fp2", "F3", "F4", "C3", "C4", "P3", "P4", "O1", "O2", "Fz", "Cz", "Pz")
    assert len(interpolation(sparse, (False, *(True,) * 12))[0]) == 0
    assert len(interpolation(names, (False,) * 6)[0]) == 0


@pytest.mark.real_data
def test_equals_mne_on_real_eeg(data_folder: Path) -> None:
    mne = pytest.importorskip("mne")
    raw = mne.io.read_raw_edf(data_folder / "eegbci_s001" / "S001R01.edf", verbose="ERROR", preload=True)
    raw.rename_channels({label: map_electrodes((label,)).names[0] for label in raw.ch_names})
    raw.set_montage(quietly("standard_1005"))
    names = tuple(raw.ch_names)
    samples = raw.get_data().T * 1e6
    bad = ["FC1", "Pz", "C4", "PO3"]
    raw.info["bads"] = bad
    theirs = raw.copy().interpolate_bads(method="spline", verbose="ERROR").get_data(bad).T * 1e6
    filled, weights = interpolation(names, tuple(name not in bad for name in names))
    assert [names[k] for k in filled] == [name for name in names if name in bad]
    ours = samples @ weights[[list(filled).index(names.index(name)) for name in bad]].T
    error = np.sqrt(np.mean((ours - theirs) ** 2, axis=0)) / theirs.std(axis=0)
    true = samples[:, [names.index(name) for name in bad]]
    residual = [np.sqrt(np.mean((made - true) ** 2, axis=0)) / true.std(axis=0) for made in (ours, theirs)]
    print("beside MNE's, of its SD:", error.round(3), "| beside the truth, ours and MNE's:", np.round(residual, 2))
    # MNE fits its sphere to the electrodes of the recording, we have one for all; it adds up 50 Legendre terms.
    assert error.max() < 0.03

    entropies = []
    for data, settings_ in ((samples.copy(), {"interpolate": True}), (samples.copy(), {})):
        columns = [names.index(name) for name in bad]
        data[:, columns] = np.nan if settings_ else theirs
        operator = opened(names, 160.0, reference="none", line_frequency_hz=60.0, **settings_)
        feed(operator, data, 160.0)
        entropies.append(operator.entropy_at(tick_time(round((START_S + 60) * 5)))[columns])
    print("entropy beside that of MNE's signal, nats:", np.abs(entropies[0] - entropies[1]).max().round(4))
    assert 0 < np.abs(entropies[0] - entropies[1]).max() < 0.03


def test_interpolating_behind_the_filters_equals_filtering_what_was_interpolated() -> None:
    samples = head(9, 250.0)
    names, gone = CAP, CAP.index("Cz")
    filled, weights = interpolation(names, tuple(name != "Cz" for name in names))
    spoilt, made = samples.copy(), samples.copy()
    spoilt[:, gone] = np.nan
    made[:, gone] = samples @ weights[0]
    assert filled.tolist() == [gone]
    first, second = opened(CAP, 250.0, interpolate=True, reference="none"), opened(CAP, 250.0, reference="none")
    feed(first, spoilt, 250.0)
    feed(second, made, 250.0)
    tick = tick_time(round((START_S + 8.8) * 5))
    # Not quite: they begin with the neighbours' first sample.
    np.testing.assert_allclose(first.entropy_at(tick)[gone], second.entropy_at(tick)[gone], atol=1e-9)


def test_a_filled_electrode_is_known_but_no_cleaner() -> None:
    samples = head(20, 250.0)
    gone = [CAP.index("Cz"), CAP.index("FC1")]
    truth = opened(CAP, 250.0)
    feed(truth, samples, 250.0)
    samples[int(9.3 * 250) :, gone] = np.nan
    off, on = opened(CAP, 250.0), opened(CAP, 250.0, interpolate=True)
    for operator in (off, on):
        feed(operator, samples, 250.0)
    a, b, c = (at(operator, 19.8) for operator in (off, on, truth))
    places = [ELECTRODES.index(CAP[channel]) for channel in gone]
    assert a.inputs["electrode_mask"][places].tolist() == [0.0, 0.0]
    assert b.inputs["electrode_mask"][places].tolist() == [1.0, 1.0]
    assert (a.quality, a.validity) == (b.quality, b.validity)
    assert f"2 of {len(CAP)} electrodes interpolated" in b.reasons
    assert f"2 of {len(CAP)} electrodes missing" in b.reasons
    difference = np.abs(b.inputs["band_entropy"][places] - c.inputs["band_entropy"][places])
    assert difference.max() < 0.25, difference
    # The change comes in over the window: no tick is far from both what was and what will be.
    rows = np.array([at(on, 9.0 + k / 5).inputs["band_entropy"][places[0]] for k in range(30)])
    assert np.abs(np.diff(rows, axis=0)).max() < 0.25


def test_an_electrode_that_comes_back_is_its_own_again() -> None:
    samples = head(22, 250.0)
    truth = opened(CAP, 250.0, interpolate=True, reference="none")
    feed(truth, samples, 250.0)
    samples[5 * 250 : 8 * 250, CAP.index("Cz")] = np.nan
    operator = opened(CAP, 250.0, interpolate=True, reference="none")
    feed(operator, samples, 250.0)
    place = ELECTRODES.index("Cz")
    assert "interpolated" in " ".join(at(operator, 9.0).reasons)
    assert "interpolated" not in " ".join(at(operator, 21.8).reasons)
    np.testing.assert_allclose(
        at(operator, 21.8).inputs["band_entropy"][place], at(truth, 21.8).inputs["band_entropy"][place], atol=1e-3
    )


def test_what_is_borrowed_is_no_baseline() -> None:
    """Of the tick in which its own samples begin to be used again nothing is learned: the others' are among them."""
    samples = head(12, 250.0)
    place = CAP.index("Cz")
    samples[5 * 250 : round(8.1 * 250), place] = np.nan
    operator = opened(CAP, 250.0, interpolate=True)
    feed(operator, samples, 250.0)
    assert operator.state is not None
    learned = operator.state.baseline[operator.state.current_cell % len(operator.state.baseline), 0]
    # 1 s of warm-up at the start; after the hole it ends at 9.1 s, and the tick at 9.2; the last one is not over.
    assert learned[place] == pytest.approx((4 + 2.6) * 250, abs=2)
    assert learned[0] == pytest.approx(10.8 * 250, abs=2)


@settings(max_examples=10, deadline=None)
@given(cuts=st.lists(st.floats(0, 1), max_size=10), seed=st.integers(0, 100))
def test_any_chunking_gives_the_same_bytes_while_electrodes_come_and_go(cuts: list[float], seed: int) -> None:
    rng = np.random.default_rng(seed)
    samples = head(9, 128.0)
    for channel in rng.choice(len(CAP), 5, replace=False):
        begin, length = rng.integers(0, 1000), rng.integers(1, 300)
        samples[begin : begin + length, channel] = rng.choice([np.nan, 17.0, 30_000.0])
    whole, cut = (opened(CAP, 128.0, interpolate=True) for _ in range(2))
    feed(whole, samples, 128.0)
    edges = sorted([0, len(samples), *(int(share * len(samples)) for share in cuts)])
    feed(cut, samples, 128.0, edges[: len(edges) // 2 + 1])
    restored = opened(CAP, 128.0, interpolate=True)
    snapshots.unpack_into(snapshots.pack(cut.state), restored.state)
    feed_from = edges[len(edges) // 2]
    times = START_S + np.arange(len(samples)) / 128.0
    restored.push(TimedBlock("eeg", 0, times[feed_from:], samples[feed_from:]))
    for after_s in (4.4, 6.0, 8.8):
        a, b = at(whole, after_s), at(restored, after_s)
        assert {name: value.tobytes() for name, value in a.inputs.items()} == {
            name: value.tobytes() for name, value in b.inputs.items()
        }
        assert (a.quality, a.validity, a.reasons) == (b.quality, b.validity, b.reasons)


def test_interpolation_enters_the_contract() -> None:
    contracts = [BandEntropySettings(interpolate=on).contract() for on in (False, True)]
    assert contracts[0] != contracts[1]
    assert contracts[0]["interpolation"] == "none"


def test_an_electrode_made_of_one_that_fails_waits_for_the_next_tick() -> None:
    """Until then its weights ask for what is not there: a hole would be a step in every band."""
    samples = head(10, 250.0)
    samples[:, CAP.index("Cz")] = np.nan
    samples[int(8.1 * 250) :, CAP.index("C1")] = np.nan
    operator = opened(CAP, 250.0, interpolate=True)
    feed(operator, samples, 250.0)
    assert operator.state is not None
    borrowed = operator.state.sums[:, BORROWED, CAP.index("Cz")]
    first = round(START_S * 5)
    in_cells = [int(borrowed[(first + k) % CELLS_KEPT]) for k in range(39, 43)]
    assert in_cells == [50, 25, 50, 50]
