"""Band differential entropy of EEG: causal, with carried state, one value per electrode and band at each tick."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from streamsense.errors import ConfigError, SourceError
from streamsense.features.band_filters import (
    IntArray,
    band_filters,
    centre_delay_s,
    compile_filters,
    filter_into_cells,
    front_filter,
    steady_state,
)
from streamsense.features.eeg_quality import FLAT_SD_UV, POPPED_PEAK_UV, eeg_quality
from streamsense.features.electrodes import ELECTRODES, ElectrodeMap, map_electrodes, rename_channels
from streamsense.features.entropy_cells import CELLS_KEPT, VARIANCE_FLOOR, BandEntropyState, cells_of, entropy_of
from streamsense.features.feature_columns import FeatureColumn
from streamsense.features.units import microvolts_per_unit
from streamsense.profile import Part, numbers, table
from streamsense.streams import Feature, FloatArray, Modality, StreamInfo, TimedBlock
from streamsense.ticks import HOP_S, TICKS_PER_SECOND

BAND_NAMES = ("delta", "theta", "alpha", "beta", "gamma")
_LARGEST_UV = 1e6  # 1 V: no amplifier for EEG measures that much
_AVERAGE_REFERENCE_CHANNELS = 16  # SCIENCE 6.4: fewer electrodes do not average the head's field away
_REFERENCE_RAMP_S = 1.0  # SCIENCE 6.4: an electrode that came or went at once would make a step in all others
_TOLD_AT_HZ = 250.0  # delays before a stream is known; they hardly depend on the rate
_HIGHEST_RATE_HZ = 20_000.0  # that of audio, which no amplifier for EEG reaches
_LEAST_BASELINE_S = 10.0  # less is none that could be kept
# What is kept for a profile was rest on purpose: 20 s of it add to delta an SD of 0.06 nats, a third of what a window
# of 4 s has of its own (SCIENCE 6.3), and less to all other bands.
_WHOLE_BASELINE_S = 20.0
_LEAST_SHARE = 0.1  # of a window: less than this of an electrode is no value


@dataclass(frozen=True)
class BandEntropySettings:
    """Everything that defines the feature. Frequencies in Hz, times in s, amplitudes in µV."""

    bands: tuple[tuple[float, float], ...] = ((1.0, 4.0), (4.0, 8.0), (8.0, 14.0), (14.0, 31.0), (31.0, 49.0))
    orders: tuple[int, ...] = (2, 2, 3, 3, 3)
    window_s: float = 4.0
    highpass_hz: float = 0.5
    line_frequency_hz: float | None = 50.0
    notch_quality: float = 30.0
    reference: str = "average"
    warm_up_s: float = 1.0
    bridge_s: float = 0.1
    baseline_s: float = 60.0

    def __post_init__(self) -> None:
        if len(self.bands) != len(BAND_NAMES) or len(self.orders) != len(BAND_NAMES):
            raise ValueError(f"found {len(self.bands)} bands and {len(self.orders)} orders, expected {len(BAND_NAMES)}")
        if not all(1 <= order <= 8 for order in self.orders):
            raise ValueError(f"orders are {self.orders}, expected 1 to 8: higher ones ring for longer than a window")
        if not all(0 < low < high < math.inf for low, high in self.bands):
            raise ValueError(f"bands {self.bands} are not all rising and above 0 Hz")
        if not 1.0 <= self.window_s <= 4.0 or abs(self.window_s * TICKS_PER_SECOND % 1) > 1e-9:
            raise ValueError(f"window_s is {self.window_s}, expected 1 to 4 s in steps of {HOP_S} s")
        if self.reference not in ("average", "none"):
            raise ValueError(f"reference is {self.reference!r}, expected 'average' or 'none'")
        if not (0 < self.highpass_hz < self.bands[0][1] and 1 <= self.notch_quality <= 100):
            raise ValueError(
                f"highpass_hz is {self.highpass_hz} and notch_quality {self.notch_quality}, expected above 0 and below "
                "the first band's upper edge, and 1 to 100"
            )
        if not (0 <= self.warm_up_s <= 60 and 0 <= self.bridge_s <= 1 and 0 < self.baseline_s <= 3600):
            raise ValueError(
                f"warm_up_s is {self.warm_up_s}, bridge_s {self.bridge_s}, baseline_s {self.baseline_s}; expected 0 to "
                "60, 0 to 1, and above 0 to 3600 s"
            )


@dataclass(frozen=True)
class _Design:
    """What follows from the settings and one stream's rate and channels."""

    electrodes: ElectrodeMap
    channels: IntArray | slice
    positions: IntArray
    rate_hz: float
    scale: FloatArray
    front: FloatArray
    front_start: FloatArray
    bands: FloatArray
    delays_s: FloatArray
    delay_s: float
    info: StreamInfo = field(compare=False)


@dataclass(frozen=True)
class _Baseline:
    """A profile's baseline: entropy (bands,) by electrode, and how settled it is, in [0, 1]."""

    entropy: Mapping[str, FloatArray]
    weight: float


class BandEntropy:
    """Differential entropy ½·ln(2πe·σ²), nats of µV, of each electrode and band over the window before a tick.

    Follows Duan, Zhu & Lu (2013) for the measure; the filters carry their state through the whole session.
    """

    modality: Modality = "eeg"

    def __init__(
        self, settings: BandEntropySettings | None = None, electrode_names: Mapping[str, str] | None = None
    ) -> None:
        self.settings = settings or BandEntropySettings()
        self._electrode_names = electrode_names or {}
        self._design: _Design | None = None
        self._profile: _Baseline | None = None
        self._frozen = False
        self.state: BandEntropyState | None = None

    @property
    def delay_s(self) -> float:
        """0: every sample is in its cell at once. What the filters lag behind is told by `effective_time`."""
        return 0.0

    @property
    def effective_delay_s(self) -> float:
        """From the middle of what a window stands for to its tick, at 250 Hz: half a window and the filters' delay."""
        return self.settings.window_s / 2 + float(np.median(self._delays_s(_TOLD_AT_HZ)))

    @property
    def band_delays_s(self) -> dict[str, float]:
        """How far each band lies behind (s): group delay of its filters at its middle; at 250 Hz before `open`."""
        delays_s = self._delays_s(_TOLD_AT_HZ) if self._design is None else self._design.delays_s
        return dict(zip(BAND_NAMES, delays_s.tolist(), strict=True))

    def open(self, info: StreamInfo) -> tuple[str, ...]:
        """Prepare for a stream; returns warnings. Raises SourceError when no channel is a known electrode."""
        electrodes = map_electrodes(rename_channels(info.channel_labels, self._electrode_names))
        if not electrodes.channels:
            raise SourceError(
                f"The EEG stream {info.name!r} has no electrode that is known: its {len(info.channel_labels)} channels "
                f"are called {', '.join(info.channel_labels[:12])}. Expected at least one name of the 10-20 or 10-10 "
                "system (Fp1, AF7, Cz, O2, …). Name them in the amplifier's LSL settings, or under `eeg: electrodes:` "
                "in the configuration."
            )
        self._check_rate(info)
        warnings = []
        if electrodes.unknown:
            warnings.append(f"EEG channels that are no known electrode are left out: {', '.join(electrodes.unknown)}")
        if electrodes.repeated:
            warnings.append(f"EEG channels named twice, the first counts: {', '.join(electrodes.repeated)}")
        scales = [microvolts_per_unit(info.channel_units[channel]) for channel in electrodes.channels]
        if None in scales:
            warnings.append("EEG channels without a known unit are taken to be in microvolts")
        design = self._design_for(info, electrodes, np.array([1.0 if s is None else s for s in scales]))
        if self._design is None or self.state is None or not _same_signal(design, self._design):
            self.state = BandEntropyState.new(
                len(electrodes.channels), len(BAND_NAMES), len(design.front), design.bands.shape[1]
            )
        self._design = design
        self._compile()
        return tuple(warnings)

    def _compile(self) -> None:
        """Compile what runs per tick now: the first one must not wait for it."""
        unused = BandEntropyState.new(1, 1, 1, 1)
        unused.open_cell(0)
        unused.window(0.0, 1)

    def _check_rate(self, info: StreamInfo) -> None:
        """Refuse, by name, the bands that reach half the rate: a sampled signal has nothing to say about them."""
        rate = info.nominal_rate_hz
        if not 0 < rate <= _HIGHEST_RATE_HZ:
            raise SourceError(
                f"The EEG stream {info.name!r} has a rate of {rate:g} Hz, expected above 0 to {_HIGHEST_RATE_HZ:g} Hz. "
                "Choose the amplifier's own stream, with a regular rate."
            )
        bands = dict(zip(BAND_NAMES, self.settings.bands, strict=True))
        refused = [f"{name} ({low:g} to {high:g} Hz)" for name, (low, high) in bands.items() if 2 * high >= rate]
        if refused:
            raise SourceError(
                f"The EEG stream {info.name!r} has a rate of {rate:g} Hz, which cannot carry {', '.join(refused)}: "
                f"expected above {2 * max(high for _, high in bands.values()):g} Hz. Record faster; or build the "
                "feature with lower bands and a model that was made for them."
            )

    def _design_for(self, info: StreamInfo, electrodes: ElectrodeMap, scale: FloatArray) -> _Design:
        s, rate = self.settings, info.nominal_rate_hz
        front = front_filter(rate, s.highpass_hz, s.line_frequency_hz, s.notch_quality)
        bands = band_filters(rate, s.bands, s.orders)
        compile_filters()
        delays_s = self._delays_s(rate)
        return _Design(
            electrodes, _taken(electrodes.channels), np.array(electrodes.positions), rate, scale, front,
            steady_state(front), bands, delays_s, float(np.median(delays_s)), info,
        )  # fmt: skip

    def _delays_s(self, rate_hz: float) -> FloatArray:
        s = self.settings
        front = front_filter(rate_hz, s.highpass_hz, s.line_frequency_hz, s.notch_quality)
        sections = band_filters(rate_hz, s.bands, s.orders)
        return np.array(
            [
                centre_delay_s(rate_hz, np.vstack([front, row]), band)
                for row, band in zip(sections, s.bands, strict=True)
            ]
        )

    def push(self, block: TimedBlock) -> None:
        """Take in one block (n, channels) of the stream's own units."""
        design, state = self._ready()
        if len(block) == 0:
            return
        if block.segment != state.segment:
            hole_s = block.times[0] - state.last_time
            if state.segment >= 0 and not hole_s <= self.settings.bridge_s:
                state.warm_up_left[:] = -1
            state.segment = block.segment
        # One memory layout, whatever the block's: the compiled loop is compiled for that one.
        samples = np.multiply(block.values[:, design.channels], design.scale, dtype=np.float64, order="C")
        average = self.settings.reference == "average" and samples.shape[1] >= _AVERAGE_REFERENCE_CHANNELS
        baseline_limit = 0 if self._frozen else round(self.settings.baseline_s * design.rate_hz)
        for start, stop, cell in cells_of(block.times):
            state.open_cell(cell)
            slot = cell % CELLS_KEPT
            filter_into_cells(
                samples[start:stop], slot, average, design.front, design.front_start, design.bands,
                state.front, state.bands, state.warm_up_left, round(self.settings.warm_up_s * design.rate_hz),
                state.reference_weight, 1 / (_REFERENCE_RAMP_S * design.rate_hz), state.flat,
                state.sums, state.squares, state.counts, state.own_squares, state.broad_squares, state.peaks,
                state.baseline_squares, state.baseline_counts, baseline_limit,
                _LARGEST_UV, POPPED_PEAK_UV,
            )  # fmt: skip
            # Samples of the warm-up are not used, so they do not make the window fresh either.
            if state.counts[slot].any():
                state.cell_last_time[slot] = block.times[stop - 1]
        state.last_time = float(block.times[-1])

    def entropy_at(self, tick: float) -> FloatArray:
        """Differential entropy (electrodes of the stream, bands), nats of µV, of the window that ends at `tick`.

        In double precision, whether or not an electrode has enough samples to be believed.
        """
        return self._ready()[1].window(tick, self._window_cells).entropy

    def feature_at(self, tick: float) -> Feature:
        """The window that ends at `tick` (s, on the grid), as the EEG expert takes it."""
        design, state = self._ready()
        window = state.window(tick, self._window_cells)
        expected = self.settings.window_s * design.rate_hz
        # A flat electrode measures nothing, whatever the logarithm of its rounding errors would say.
        present = (window.counts >= _LEAST_SHARE * expected) & ~window.flat
        baseline, weight = self._baseline(window.newest_slot, window.entropy)
        quality, reasons = eeg_quality(window.counts, window.broad_squares, window.peaks, window.flat, present)
        return Feature(
            modality="eeg",
            inputs={
                "band_entropy": self._scatter(np.where(present[:, None], window.entropy, 0.0)),
                "band_entropy_baseline": self._scatter(np.where(present[:, None], baseline, 0.0)),
                "electrode_mask": self._scatter(present.astype(np.float64)),
                "baseline_weight": np.array([weight], np.float32),
            },
            validity=float(min(1.0, window.counts[present].max(initial=0) / expected)),
            quality=quality,
            last_time=window.last_time,
            effective_time=tick - self.settings.window_s / 2 - design.delay_s,
            reasons=reasons,
        )

    def columns(self, infos: Sequence[StreamInfo]) -> tuple[FeatureColumn, ...]:
        """Entropy by band and electrode, then what it is referred to; the electrodes are those of all streams."""
        maps = [map_electrodes(rename_channels(info.channel_labels, self._electrode_names)) for info in infos]
        places = sorted({position for electrodes in maps for position in electrodes.positions})
        columns = [
            FeatureColumn(f"{prefix}_{band}_{ELECTRODES[place]}", "nat", tensor, (place, index), "electrode_mask")
            for prefix, tensor in (("de", "band_entropy"), ("base", "band_entropy_baseline"))
            for index, band in enumerate(BAND_NAMES)
            for place in places
        ]
        return (*columns, FeatureColumn("base_weight", "", "baseline_weight", (0,)))

    @property
    def _window_cells(self) -> int:
        return round(self.settings.window_s * TICKS_PER_SECOND)

    def _baseline(self, newest_slot: int | None, entropy: FloatArray) -> tuple[FloatArray, float]:
        """The profile's entropy at rest, or that of the first seconds of the session as known at the window's end.

        And how settled it is (0–1). An electrode of which nothing is known is its own baseline.
        """
        design, state = self._ready()
        if self._profile is not None:
            known_by_name = self._profile.entropy
            rows = [known_by_name.get(name, row) for name, row in zip(design.electrodes.names, entropy, strict=True)]
            return np.array(rows), self._profile.weight
        if newest_slot is None:
            return entropy, 0.0
        counts = state.baseline_counts[newest_slot]
        squares = state.baseline_squares[newest_slot]
        baseline = entropy_of(np.zeros_like(squares), squares, counts)
        weight = float(np.sort(counts)[len(counts) // 2]) / (self.settings.baseline_s * design.rate_hz)
        return np.where((counts > 0)[:, None], baseline, entropy), min(1.0, weight)

    def _scatter(self, per_channel: FloatArray) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        """From channels to the fixed order of ELECTRODES; absent electrodes are 0."""
        design, _ = self._ready()
        spread = np.zeros((len(ELECTRODES), *per_channel.shape[1:]), np.float32)
        spread[design.positions] = per_channel
        return spread

    @property
    def learned_s(self) -> float:
        """Seconds of the session's baseline, the median of the electrodes."""
        if self._design is None or self.state is None or self.state.current_cell < 0:
            return 0.0
        counts = self.state.baseline_counts[self.state.current_cell % CELLS_KEPT]
        return float(np.sort(counts)[len(counts) // 2]) / self._design.rate_hz

    def learned(self) -> dict[str, object] | None:
        """The baseline in nats by electrode, for a profile, and how settled it is; None before 10 s of it.

        An electrode of which less than that was usable is left out.
        """
        seconds = self.learned_s
        if seconds < _LEAST_BASELINE_S:
            return None
        design, state = self._ready()
        newest = state.current_cell % CELLS_KEPT
        counts, squares = state.baseline_counts[newest], state.baseline_squares[newest]
        rows = entropy_of(np.zeros_like(squares), squares, counts)
        named = zip(design.electrodes.names, rows, counts >= _LEAST_BASELINE_S * design.rate_hz, strict=True)
        return {
            "baseline": {name: row.tolist() for name, row, known in named if known},
            "weight": min(1.0, seconds / _WHOLE_BASELINE_S),
            "seconds": seconds,
        }

    def learn_anew(self) -> None:
        """Begin the session's baseline again with the next sample."""
        self._profile, self._frozen = None, False
        if self.state is not None:
            self.state.baseline_squares[:] = 0.0
            self.state.baseline_counts[:] = 0

    def freeze(self) -> None:
        """Keep the session's baseline as it is."""
        self._frozen = True

    def use_profile(self, part: Part | None) -> None:
        """Refer to a profile's baseline from now on; None: to this session's. Raises ConfigError if unfit."""
        if part is None:
            self._profile, self._frozen = None, False
            return
        by_name = table(part, "baseline")
        if unknown := [name for name in by_name if name not in ELECTRODES]:
            raise ConfigError(f"The profile has a baseline for {unknown[0][:40]!r}, expected names of electrodes.")
        (weight,) = numbers(part, "weight", 1)
        entropy = {name: numbers(by_name, name, len(BAND_NAMES)) for name in by_name}
        self._profile = _Baseline(entropy, float(min(1.0, max(0.0, weight))))

    def contract(self) -> dict[str, object]:
        """The exact definition of the feature; a model trained with another one is refused."""
        s = self.settings
        return {
            "feature": "band_differential_entropy",
            "version": 2,
            "electrodes": list(ELECTRODES),
            "bands_hz": {name: list(band) for name, band in zip(BAND_NAMES, s.bands, strict=True)},
            "filter": {"family": "butterworth", "orders": list(s.orders), "causal": True, "state": "carried"},
            "highpass": {"family": "butterworth", "order": 2, "cutoff_hz": s.highpass_hz},
            "line_notch": {"quality": s.notch_quality, "frequency": "that of the country, not part of the contract"},
            "after_a_gap": {"bridge_s": s.bridge_s, "warm_up_s": s.warm_up_s},
            "window_s": s.window_s,
            "log": "natural",
            "unit": "microvolt",
            "reference": {
                "kind": s.reference,
                "only_from_channels": _AVERAGE_REFERENCE_CHANNELS,
                "of": "electrodes that are neither missing nor flat nor above the masking limit",
                "ramp_s": _REFERENCE_RAMP_S,
                "after": "high-pass and notch",
            },
            "least_share_of_window": _LEAST_SHARE,
            "variance_floor": VARIANCE_FLOOR,
            "masked": {"above": POPPED_PEAK_UV, "for_s": s.warm_up_s, "flat_below_sd": FLAT_SD_UV},
            "baseline": {"kind": "first seconds of the session, then frozen", "seconds": s.baseline_s},
        }

    def _ready(self) -> tuple[_Design, BandEntropyState]:
        if self._design is None or self.state is None:
            raise RuntimeError("push or feature_at before open")
        return self._design, self.state


def _taken(channels: tuple[int, ...]) -> IntArray | slice:
    """An index for `channels`; a slice, which copies nothing, where they lie side by side."""
    first, last = channels[0], channels[-1]
    if channels == tuple(range(first, last + 1)):
        return slice(first, last + 1)
    return np.array(channels)


def _same_signal(a: _Design, b: _Design) -> bool:
    """Whether a stream that came back goes on where it left off."""
    return a.rate_hz == b.rate_hz and a.electrodes == b.electrodes and bool(np.array_equal(a.scale, b.scale))
