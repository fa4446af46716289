"""Band differential entropy: equal to the whole-signal reference, whatever the chunking."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from streamsense import state as snapshots
from streamsense.errors import SourceError
from streamsense.features.band_entropy import BandEntropy, BandEntropySettings
from streamsense.features.band_filters import band_filters
from streamsense.features.electrodes import ELECTRODES, canonical_name, map_electrodes
from streamsense.streams import StreamInfo, TimedBlock
from streamsense.ticks import tick_time

RATE = 250.0
LABELS = ("Fp1", "F3", "F4", "Cz", "O2")


def info(labels: tuple[str, ...] = LABELS, rate_hz: float = RATE, unit: str = "microvolts") -> StreamInfo:
    return StreamInfo("eeg", "eeg", "amp", "EEG", "a", labels, (unit,) * len(labels), rate_hz, "float32")


def noise(seconds: float, channels: int = len(LABELS), rate_hz: float = RATE, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.normal(0, 10, (int(seconds * rate_hz), channels)) + 4000).astype(np.float32)


def feed(operator: BandEntropy, samples: np.ndarray, sizes: list[int]) -> None:
    times = 50.0 + np.arange(len(samples)) / RATE
    position = 0
    for size in sizes:
        part = slice(position, position + size)
        operator.push(TimedBlock("eeg", 0, times[part], samples[part]))
        position += size


def opened(settings: BandEntropySettings | None = None, stream: StreamInfo | None = None) -> BandEntropy:
    operator = BandEntropy(settings)
    operator.open(stream or info())
    return operator


def test_known_noise_within_the_sampling_error() -> None:
    """White noise of density s² per Hz has band variance about s²·B_s·…; the estimate's spread is SCIENCE's."""
    rate, seconds = 250.0, 200.0
    operator = opened(BandEntropySettings(reference="none", highpass_hz=0.1, line_frequency_hz=None))
    rng = np.random.default_rng(5)
    samples = rng.normal(0, 10, (int(seconds * rate), len(LABELS))).astype(np.float32)
    values = []
    times = 50.0 + np.arange(len(samples)) / rate
    for second in range(int(seconds) // 4):
        part = slice(int(second * 4 * rate), int((second + 1) * 4 * rate))
        operator.push(TimedBlock("eeg", 0, times[part], samples[part]))
        if second > 3:
            tick = tick_time(round((50.0 + 4 * (second + 1)) * 5))
            values.append(operator.feature_at(tick).inputs["band_entropy"][[ELECTRODES.index(n) for n in LABELS]])
    spread = np.std(np.array(values), axis=0).mean(axis=0)
    np.testing.assert_allclose(spread, [0.14, 0.12, 0.10, 0.06, 0.05], rtol=0.35)
    for band, sections in enumerate(band_filters(rate, operator.settings.bands, operator.settings.orders)):
        _, response = signal.freqz_sos(sections, worN=1 << 16)
        sigma2 = 100.0 * np.mean(np.abs(response) ** 2)
        # The logarithm of an estimated variance lies below the true one by its own variance.
        expected = 0.5 * np.log(2 * np.pi * np.e * sigma2) - spread[band] ** 2
        found = np.mean(np.array(values)[..., band])
        print(f"band {band}: {found:.3f} nats, true {expected:.3f}; spread {spread[band]:.3f}")
        assert found == pytest.approx(expected, abs=0.03)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 400), min_size=1, max_size=20), st.integers(0, 500))
def test_chunking_never_matters(sizes: list[int], beyond: int) -> None:
    samples = noise(8.0)
    whole, cut = opened(), opened()
    tick = tick_time(round(56.0 * 5))
    inside = int((56.0 - 50.0) * RATE)
    feed(whole, samples[:inside], [inside])
    expected = whole.feature_at(tick)
    sizes = [*sizes, len(samples)]
    feed(cut, samples[: inside + beyond], sizes)
    found = cut.feature_at(tick)
    for name, value in expected.inputs.items():
        assert value.tobytes() == found.inputs[name].tobytes(), name
    assert expected.last_time == found.last_time
    assert (expected.quality, expected.validity, expected.reasons) == (found.quality, found.validity, found.reasons)


def test_a_gap_resets_and_warms_up_and_a_short_one_is_bridged() -> None:
    for hole_s, warm in ((0.05, True), (1.0, False)):
        operator = opened()
        samples = noise(6.0)
        feed(operator, samples, [len(samples)])
        after = 56.0 + hole_s + np.arange(int(0.5 * RATE)) / RATE
        operator.push(TimedBlock("eeg", 1, after, noise(0.5, seed=2)))
        assert operator.state is not None
        assert bool((operator.state.warm_up_left == 0).all()) is warm


@pytest.mark.parametrize("microseconds", [-4.0, 0.0, 4.0])
@pytest.mark.parametrize(("lost", "bridged"), [(24, True), (25, False)])
def test_a_hole_just_as_long_as_is_bridged_is_bridged_at_any_clock(
    lost: int, bridged: bool, microseconds: float
) -> None:
    operator = opened()
    samples = noise(6.0)
    feed(operator, samples, [len(samples)])
    after = 56.0 + (lost + np.arange(50)) / RATE + 1e-6 * microseconds
    operator.push(TimedBlock("eeg", 1, after, noise(0.2, seed=2)))
    assert operator.state is not None
    assert bool((operator.state.warm_up_left == 0).all()) is bridged


def test_a_profile_of_other_electrodes_settles_nothing() -> None:
    """Half of them must be in it, as half of them must have been seen without a profile."""
    for names, weight in ((("Pz", "Oz"), 0.0), (LABELS[:2], 0.0), (LABELS[:3], 0.9)):
        operator = opened()
        operator.use_profile({"baseline": {name: [1.0] * 5 for name in names}, "weight": 0.9})
        feed(operator, noise(6.0), [1500])
        assert operator.feature_at(tick_time(280)).inputs["baseline_weight"][0] == np.float32(weight), names


def test_one_bad_channel_does_not_spoil_the_others() -> None:
    labels = tuple(ELECTRODES[i] for i in range(0, 80, 5))
    samples = noise(8.0, channels=len(labels))
    spoilt = samples.copy()
    spoilt[500:600, 3] = np.nan
    spoilt[700, 3] = np.inf
    operators = [opened(BandEntropySettings(reference="none"), info(labels)) for _ in range(2)]
    for operator, data in zip(operators, (samples, spoilt), strict=True):
        feed(operator, data, [len(data)])
    good, bad = (operator.feature_at(tick_time(round(57.0 * 5))).inputs for operator in operators)
    others = [ELECTRODES.index(name) for i, name in enumerate(labels) if i != 3]
    assert good["band_entropy"][others].tobytes() == bad["band_entropy"][others].tobytes()
    assert np.isfinite(bad["band_entropy"]).all()


def test_state_survives_as_bytes() -> None:
    samples = noise(9.0)
    whole, first, second = opened(), opened(), opened()
    times = 50.0 + np.arange(len(samples)) / RATE
    cut = 1300
    whole.push(TimedBlock("eeg", 0, times, samples))
    first.push(TimedBlock("eeg", 0, times[:cut], samples[:cut]))
    snapshots.unpack_into(snapshots.pack(first.state), second.state)
    second.push(TimedBlock("eeg", 0, times[cut:], samples[cut:]))
    tick = tick_time(round(58.6 * 5))
    for name, value in whole.feature_at(tick).inputs.items():
        assert value.tobytes() == second.feature_at(tick).inputs[name].tobytes()


def test_flat_and_popped_electrodes_lower_the_quality() -> None:
    samples = noise(8.0)
    samples[:, 0] = 12.0
    samples[1500, 1] = 30_000
    operator = opened(BandEntropySettings(reference="none"))
    feed(operator, samples, [len(samples)])
    feature = operator.feature_at(tick_time(round(57.8 * 5)))
    assert feature.quality < 1.0
    assert any("flat" in reason for reason in feature.reasons)
    assert any("popped" in reason or "noisy" in reason for reason in feature.reasons)


def test_units_are_scaled_to_microvolts() -> None:
    samples = noise(8.0)
    operators = [opened(stream=info(unit="microvolts")), opened(stream=info(unit="V"))]
    feed(operators[0], samples, [len(samples)])
    feed(operators[1], (samples.astype(np.float64) / 1e6), [len(samples)])
    a, b = (operator.feature_at(tick_time(round(57.0 * 5))).inputs["band_entropy"] for operator in operators)
    np.testing.assert_allclose(a, b, atol=1e-4)


def test_alpha_rises_with_an_alpha_rhythm() -> None:
    samples = noise(8.0)
    times = np.arange(len(samples)) / RATE
    samples[:, 4] += (30 * np.sin(2 * np.pi * 10 * times)).astype(np.float32)
    operator = opened(BandEntropySettings(reference="none"))
    feed(operator, samples, [len(samples)])
    entropy = operator.feature_at(tick_time(round(57.0 * 5))).inputs["band_entropy"]
    assert entropy[ELECTRODES.index("O2"), 2] > entropy[ELECTRODES.index("Cz"), 2] + 1.0


@pytest.mark.parametrize(
    ("label", "name"),
    [("EEG Fp1", "Fp1"), ("Fc5.", "FC5"), ("EEG T3-REF", "T7"), ("t6", "P8"), ("Cb1", "OI1"), ("EEG A2-A1", None),
     ("ECG ECG", None), ("AUX", None), ("fp2-LE", "Fp2"), ("Right AUX", None), ("TP9", "TP9")],
)  # fmt: skip
def test_electrode_names(label: str, name: str | None) -> None:
    assert canonical_name(label) == name


def test_repeated_and_unknown_channels_are_told() -> None:
    found = map_electrodes(("Cz", "EEG Cz", "nonsense"))
    assert found.names == ("Cz",)
    assert found.repeated == ("EEG Cz",)
    assert found.unknown == ("nonsense",)


def test_a_stream_without_electrodes_is_refused() -> None:
    with pytest.raises(SourceError, match=r"no electrode that is known.*Expected at least one name"):
        BandEntropy().open(info(("one", "two")))


def test_too_slow_a_stream_is_refused() -> None:
    with pytest.raises(SourceError, match=r"98 Hz, which cannot carry gamma \(31 to 49 Hz\): expected above 98 Hz"):
        BandEntropy().open(info(rate_hz=98.0))
    with pytest.raises(SourceError, match=r"cannot carry beta \(14 to 31 Hz\), gamma"):
        BandEntropy().open(info(rate_hz=50.0))
    for rate_hz in (0.0, 1e6):
        with pytest.raises(SourceError, match="regular rate"):
            BandEntropy().open(info(rate_hz=rate_hz))


def test_absurd_samples_are_missing_and_are_forgotten() -> None:
    """A filter that once held infinity would hold it for ever; a pop in the first minute is no baseline."""
    samples = noise(12.0).astype(np.float64)
    operators = [opened(BandEntropySettings(reference="none")) for _ in range(2)]
    spoilt = samples.copy()
    spoilt[500, 0], spoilt[520, 0], spoilt[540, 0] = 1e308, -1e308, 1e300
    spoilt[1000, 1] += 5e3
    with np.errstate(over="ignore"):
        for operator, data in zip(operators, (samples, spoilt), strict=True):
            feed(operator, data, [len(data)])
    good, bad = (operator.feature_at(tick_time(round(61.8 * 5))).inputs for operator in operators)
    assert all(np.isfinite(value).all() for value in bad.values())
    for label in ("Fp1", "F3"):
        at = ELECTRODES.index(label)
        np.testing.assert_allclose(bad["band_entropy_baseline"][at], good["band_entropy_baseline"][at], atol=0.5)
    np.testing.assert_allclose(
        bad["band_entropy"][ELECTRODES.index("Fp1")], good["band_entropy"][ELECTRODES.index("Fp1")], atol=1e-3
    )
