"""What follows from band entropy's settings and one stream: electrodes, their scale, filters at its rate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from streamsense.arrays import FloatArray, IntArray
from streamsense.errors import SourceError
from streamsense.features import common_reference
from streamsense.features.band_filters import band_filters, centre_delay_s, front_filter, front_filters, steady_state
from streamsense.features.band_settings import BAND_NAMES, BandEntropySettings
from streamsense.features.electrodes import ElectrodeMap, map_electrodes, rename_channels
from streamsense.features.spherical_splines import interpolation
from streamsense.features.units import microvolts_per_unit
from streamsense.streams import StreamInfo

_HIGHEST_RATE_HZ = 20_000.0  # that of audio, which no amplifier for EEG reaches


@dataclass(frozen=True, eq=False)
class BandDesign:
    """`channels` of the stream are the `electrodes`, whose `scale` (channels,) makes microvolts of their unit.

    Filters as at `band_sums.filter_into_cell`; `delays_s` (bands,) and their median; what `interpolation` says when all
    is good. The rest is in samples, or per sample.
    """

    electrodes: ElectrodeMap
    channels: IntArray | slice
    positions: IntArray
    rate_hz: float
    scale: FloatArray
    average_reference: bool
    front: FloatArray
    front_start: FloatArray
    notch: bool
    bands: FloatArray
    delays_s: FloatArray
    delay_s: float
    nothing_filled: tuple[IntArray, FloatArray]
    warm_up: int
    ramp: float
    window_samples: float
    baseline_samples: float

    @property
    def names(self) -> tuple[str, ...]:
        """The electrodes, in channel order."""
        return self.electrodes.names

    def goes_on(self, other: BandDesign) -> bool:
        """Whether a stream of the `other` design goes on where one of this left off."""
        same = self.rate_hz == other.rate_hz and self.electrodes == other.electrodes
        return same and bool(np.array_equal(self.scale, other.scale))


def design_for(
    settings: BandEntropySettings, info: StreamInfo, electrode_names: Mapping[str, str]
) -> tuple[BandDesign, tuple[str, ...]]:
    """The design for a stream, and warnings. Raises SourceError when no channel is an electrode, or the rate is unfit.

    `electrode_names`: for channels that are called otherwise, label → electrode.
    """
    electrodes = map_electrodes(rename_channels(info.channel_labels, electrode_names))
    if not electrodes.channels:
        raise SourceError(
            f"The EEG stream {info.name!r} has no electrode that is known: its {len(info.channel_labels)} channels "
            f"are called {', '.join(info.channel_labels[:12])}. Expected at least one name of the 10-20 or 10-10 "
            "system (Fp1, AF7, Cz, O2, …). Name them in the amplifier's LSL settings, or under `eeg: electrodes:` "
            "in the configuration."
        )
    _check_rate(settings, info)
    warnings = []
    if electrodes.unknown:
        warnings.append(f"EEG channels that are no known electrode are left out: {', '.join(electrodes.unknown)}")
    if electrodes.repeated:
        warnings.append(f"EEG channels named twice, the first counts: {', '.join(electrodes.repeated)}")
    scales = [microvolts_per_unit(info.channel_units[channel]) for channel in electrodes.channels]
    if None in scales:
        warnings.append("EEG channels without a known unit are taken to be in microvolts")
    s, rate = settings, info.nominal_rate_hz
    front = front_filters(rate, s.highpass_hz, s.line_frequency_hz, s.notch_quality)
    design = BandDesign(
        electrodes=electrodes,
        channels=_taken(electrodes.channels),
        positions=np.array(electrodes.positions),
        rate_hz=rate,
        scale=np.array([1.0 if scale is None else scale for scale in scales]),
        average_reference=s.reference == "average" and len(electrodes.channels) >= common_reference.LEAST_CHANNELS,
        front=front,
        front_start=steady_state(front[:1])[0],
        notch=s.line_frequency_hz is not None,
        bands=band_filters(rate, s.bands, s.orders),
        delays_s=delays_s(s, rate),
        delay_s=float(np.median(delays_s(s, rate))),
        nothing_filled=interpolation(electrodes.names, (True,) * len(electrodes.channels)),
        warm_up=round(s.warm_up_s * rate),
        ramp=1 / (common_reference.RAMP_S * rate),
        window_samples=s.window_s * rate,
        baseline_samples=s.baseline_s * rate,
    )
    return design, tuple(warnings)


def delays_s(settings: BandEntropySettings, rate_hz: float) -> FloatArray:
    """How far each band lies behind at `rate_hz`: the group delay (s) of all its filters at its middle; (bands,)."""
    s = settings
    front = front_filter(rate_hz, s.highpass_hz, s.line_frequency_hz, s.notch_quality)
    designs = zip(band_filters(rate_hz, s.bands, s.orders), s.bands, strict=True)
    return np.array([centre_delay_s(rate_hz, np.vstack([front, sections]), band) for sections, band in designs])


def _check_rate(settings: BandEntropySettings, info: StreamInfo) -> None:
    """Refuse, by name, the bands that reach half the rate: a sampled signal has nothing to say about them."""
    rate = info.nominal_rate_hz
    if not 0 < rate <= _HIGHEST_RATE_HZ:
        raise SourceError(
            f"The EEG stream {info.name!r} has a rate of {rate:g} Hz, expected above 0 to {_HIGHEST_RATE_HZ:g} Hz. "
            "Choose the amplifier's own stream, with a regular rate."
        )
    bands = dict(zip(BAND_NAMES, settings.bands, strict=True))
    refused = [f"{name} ({low:g} to {high:g} Hz)" for name, (low, high) in bands.items() if 2 * high >= rate]
    if refused:
        raise SourceError(
            f"The EEG stream {info.name!r} has a rate of {rate:g} Hz, which cannot carry {', '.join(refused)}: "
            f"expected above {2 * max(high for _, high in bands.values()):g} Hz. Record faster; or build the "
            "feature with lower bands and a model that was made for them."
        )


def _taken(channels: tuple[int, ...]) -> IntArray | slice:
    """An index for `channels`; a slice, which copies nothing, where they lie side by side."""
    first, last = channels[0], channels[-1]
    if channels == tuple(range(first, last + 1)):
        return slice(first, last + 1)
    return np.array(channels)
