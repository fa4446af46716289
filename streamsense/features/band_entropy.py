"""Band differential entropy of EEG: causal, with carried state, one value per electrode and band at each tick."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numba import njit

from streamsense.arrays import BoolArray, Float32Array, FloatArray, IntArray
from streamsense.features.band_baseline import Baseline, as_profile, highest_band_power, learned_s, running_baseline
from streamsense.features.band_design import BandDesign, delays_s, design_for
from streamsense.features.band_settings import (
    BAND_NAMES,
    LARGEST_UV,
    LEAST_SHARE,
    POPPED_PEAK_UV,
    BandEntropySettings,
)
from streamsense.features.band_sums import filter_into_cell
from streamsense.features.eeg_quality import eeg_quality, find_present
from streamsense.features.electrodes import ELECTRODES, map_electrodes, rename_channels
from streamsense.features.entropy_cells import CELLS_KEPT, BandEntropyState, cells_of
from streamsense.features.entropy_window import entropy_of_window, read_window
from streamsense.features.feature_columns import FeatureColumn
from streamsense.features.spherical_splines import interpolation
from streamsense.profile import FORGOTTEN, Part
from streamsense.streams import Feature, Modality, StreamInfo, TimedBlock
from streamsense.ticks import tick_time

__all__ = ["BAND_NAMES", "BandEntropy", "BandEntropySettings"]

_TOLD_AT_HZ = 250.0  # delays before a stream is known; they hardly depend on the rate


class BandEntropy:
    """Differential entropy ½·ln(2πe·σ²), nats of µV, of each electrode and band over the window before a tick.

    Follows Duan, Zhu & Lu (2013) for the measure; the filters carry their state through the whole session.
    """

    modality: Modality = "eeg"

    def __init__(
        self, settings: BandEntropySettings | None = None, electrode_names: Mapping[str, str] | None = None
    ) -> None:
        self.settings = settings or BandEntropySettings()
        self._bands_hz = np.array(self.settings.bands)
        self._electrode_names = electrode_names or {}
        self._design: BandDesign | None = None
        self._profile: Baseline | None = None
        self._frozen = False
        self._rest = np.empty((0, len(BAND_NAMES)))
        self._rest_power = np.empty(0)
        self._rest_weight = 0.0
        self.state: BandEntropyState | None = None

    @property
    def delay_s(self) -> float:
        """0: every sample is in its cell at once. What the filters lag behind is told by `effective_time`."""
        return 0.0

    @property
    def effective_delay_s(self) -> float:
        """From the middle of what a window stands for to its tick, at 250 Hz: half a window and the filters' delay."""
        return self.settings.window_s / 2 + float(np.median(delays_s(self.settings, _TOLD_AT_HZ)))

    @property
    def band_delays_s(self) -> dict[str, float]:
        """How far each band lies behind (s): group delay of its filters at its middle; at 250 Hz before `open`."""
        told_s = delays_s(self.settings, _TOLD_AT_HZ) if self._design is None else self._design.delays_s
        return dict(zip(BAND_NAMES, told_s.tolist(), strict=True))

    def open(self, info: StreamInfo) -> tuple[str, ...]:
        """Prepare for a stream; returns warnings. Raises SourceError when no channel is a known electrode."""
        design, warnings = design_for(self.settings, info, self._electrode_names)
        if self._design is None or self.state is None or not self._design.goes_on(design):
            if self._profile is None and self.learned_s > 0:
                warnings += (f"the EEG came back with other electrodes, units or another rate: {FORGOTTEN}",)
            self.state = BandEntropyState.new(len(design.names), len(BAND_NAMES), design.bands.shape[1])
        self._design = design
        warnings += self._look_up_rest()
        self._compile()
        return warnings

    def _compile(self) -> None:
        """Compile what runs per tick now: the first one must not wait for it."""
        design, state = self._ready()
        self.state = BandEntropyState.new(len(design.names), len(BAND_NAMES), design.bands.shape[1])
        self._filter(np.zeros((1, len(design.names))), 0)
        self.feature_at(tick_time(1))
        self.entropy_at(tick_time(1))
        self.state = state

    def push(self, block: TimedBlock) -> None:
        """Take in one block (n, channels) of the stream's own units."""
        design, state = self._ready()
        if len(block) == 0:
            return
        if block.segment != state.segment:
            hole_s = block.times[0] - state.last_time
            # Half a sample more, lest microseconds decide on a hole that is just as long.
            if state.segment >= 0 and not hole_s <= self.settings.bridge_s + 0.5 / design.rate_hz:
                state.warm_up_left[:] = -1.0
            state.segment = block.segment
        # One type and memory layout, whatever the block's: the compiled loop is compiled for that one.
        samples = np.array(block.values[:, design.channels], dtype=np.float64, order="C")
        for start, stop, cell in cells_of(block.times):
            # Samples of the warm-up are not used, so they do not make the window fresh either.
            if self._filter(samples[start:stop], cell):
                state.cell_last_time[cell % CELLS_KEPT] = block.times[stop - 1]
        state.last_time = float(block.times[-1])

    def _filter(self, samples: FloatArray, cell: int) -> bool:
        """Add `samples` (n, channels), which are used up, to their cell; returns whether it has any to be used."""
        design, state = self._ready()
        s = self.settings
        if cell != state.current_cell:
            learning = not self._frozen
            state.open_cell(cell, learning, design.baseline_samples, self._rest_power, s.quality.muscle_spreads)
        good = state.donors.tolist() if s.interpolate else ()
        filled, weights = interpolation(design.names, tuple(good)) if good else design.nothing_filled
        slot = cell % CELLS_KEPT
        usable: bool = filter_into_cell(
            samples, design.scale, state.sums[slot], state.extremes[slot], design.front, design.front_start,
            design.notch, design.bands, state.front, state.bands, state.warm_up_left, design.warm_up,
            design.average_reference, state.reference_weight, design.ramp, state.flat, filled, weights, LARGEST_UV,
            POPPED_PEAK_UV,
        )  # fmt: skip
        return usable

    def entropy_at(self, tick: float) -> FloatArray:
        """Differential entropy (electrodes of the stream, bands), nats of µV, of the window that ends at `tick`.

        In double precision, whether or not an electrode has enough samples to be believed.
        """
        return entropy_of_window(self._ready()[1], tick, self.settings.window_cells)

    def feature_at(self, tick: float) -> Feature:
        """The window that ends at `tick` (s, on the grid), as the EEG expert takes it."""
        design, s = self._ready()[0], self.settings
        window = read_window(self._ready()[1], tick, s.window_cells)
        least = LEAST_SHARE * design.window_samples
        present, known, fullest = find_present(window.sums, least)
        baseline, weight = self._baseline(window.newest_slot)
        entropy, referred_to, mask = _lay_out(design.positions, known, window.entropy, baseline, len(ELECTRODES))
        quality, reasons = eeg_quality(
            window, present, design.window_samples, least, s.window_cells, s.line_frequency_hz, self._bands_hz,
            s.quality,
        )  # fmt: skip
        return Feature(
            modality="eeg",
            inputs={
                "band_entropy": entropy,
                "band_entropy_baseline": referred_to,
                "electrode_mask": mask,
                "baseline_weight": np.array([weight], np.float32),
            },
            validity=min(1.0, fullest / design.window_samples),
            quality=quality,
            last_time=window.last_time,
            effective_time=tick - s.window_s / 2 - design.delay_s,
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
    def learned_s(self) -> float:
        """Seconds of the session's baseline, the median of the electrodes."""
        if self._design is None or self.state is None or self.state.current_cell < 0:
            return 0.0
        return learned_s(self.state.baseline[self.state.current_cell % CELLS_KEPT], self._design.rate_hz)

    def learned(self) -> dict[str, object] | None:
        """The session's baseline in nats by electrode, for a profile, and how settled it is; None before 10 s of it."""
        if self._design is None or self.state is None or self.state.current_cell < 0:
            return None
        newest = self.state.baseline[self.state.current_cell % CELLS_KEPT]
        return as_profile(self._design.names, newest, self._design.rate_hz)

    def learn_anew(self) -> None:
        """Begin the session's baseline again with the next cell."""
        self.use_profile(None)
        if self.state is not None:
            self.state.baseline[:] = 0.0
            self.state.learn_from = self.state.current_cell + 1  # the first that holds nothing of what was before

    def freeze(self) -> None:
        """Keep the session's baseline as it is."""
        self._frozen = True

    def use_profile(self, part: Part | None) -> tuple[str, ...]:
        """Refer to a profile's baseline from now on; None: to this session's. Raises ConfigError if unfit."""
        self._profile = None if part is None else Baseline.from_profile(part)
        self._frozen = False
        return self._look_up_rest()

    def contract(self) -> dict[str, object]:
        """The exact definition of the feature; a model trained with another one is refused."""
        return self.settings.contract()

    def _baseline(self, slot: int) -> tuple[FloatArray, float]:
        """The entropy to refer to (channels, bands), NaN where nothing is known, and how settled it is, in [0, 1].

        The profile's, or that of the first seconds of the session as known when the cell at `slot` was opened.
        """
        design, state = self._ready()
        if self._profile is not None:
            return self._rest, self._rest_weight
        if slot < 0:
            return np.full((len(design.names), len(BAND_NAMES)), np.nan), 0.0
        entropy, weight = running_baseline(state.baseline[slot], design.baseline_samples)
        return entropy, weight

    def _look_up_rest(self) -> tuple[str, ...]:
        """Take the profile's numbers for the electrodes of the stream; returns warnings of those that it lacks."""
        if self._design is None:
            return ()
        profile, names = self._profile or Baseline({}, 0.0), self._design.names
        self._rest = profile.rows(names)
        self._rest_power = highest_band_power(self._rest)
        self._rest_weight = profile.weight_of(names)
        return () if self._profile is None else profile.warnings(names)

    def _ready(self) -> tuple[BandDesign, BandEntropyState]:
        if self._design is None or self.state is None:
            raise RuntimeError("push or feature_at before open")
        return self._design, self.state


@njit(cache=True)  # type: ignore[untyped-decorator]
def _lay_out(
    positions: IntArray, known: BoolArray, entropy: FloatArray, baseline: FloatArray, electrodes: int
) -> tuple[Float32Array, Float32Array, Float32Array]:
    """From channels to the fixed order of `ELECTRODES`: entropy and baseline (electrodes, bands), mask (electrodes,).

    0 where an electrode is not `known`. One without a baseline is its own.
    """
    shape = (electrodes, entropy.shape[1])
    values, referred_to, mask = (
        np.zeros(shape, np.float32),
        np.zeros(shape, np.float32),
        np.zeros(electrodes, np.float32),
    )
    for c in range(len(positions)):
        if known[c]:
            place = positions[c]
            mask[place] = 1.0
            for b in range(entropy.shape[1]):
                values[place, b] = entropy[c, b]
                referred_to[place, b] = entropy[c, b] if np.isnan(baseline[c, b]) else baseline[c, b]
    return values, referred_to, mask
