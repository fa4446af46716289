"""The definition of band differential entropy: its settings, and the contract that a model is made for."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from streamsense.features import common_reference, spherical_splines
from streamsense.features.band_filters import NOTCH_BELOW
from streamsense.features.eeg_quality import EegQualitySettings
from streamsense.features.electrodes import ELECTRODES
from streamsense.features.entropy_cells import FLAT_SD_UV
from streamsense.features.entropy_window import VARIANCE_FLOOR
from streamsense.ticks import HOP_S, TICKS_PER_SECOND

BAND_NAMES = ("delta", "theta", "alpha", "beta", "gamma")
LARGEST_UV = 1e6
"""1 V: no amplifier for EEG measures that much, so a sample above it is none."""
POPPED_PEAK_UV = 500.0
"""After high-pass and reference: no brain and no blink is so large; the electrode moved, and is masked for a while."""
LEAST_SHARE = 0.1
"""Of a window: less than this of an electrode is no value."""
LEAST_PROFILE_S = 10.0
"""Less rest of an electrode is none that could be kept in a profile."""
WHOLE_PROFILE_S = 20.0
"""Of a profile's rest, which was rest on purpose: it adds to delta an SD of 0.06 nats, a third of what a window of 4 s
has of its own (SCIENCE 6.3), and less to all other bands."""


@dataclass(frozen=True)
class BandEntropySettings:
    """Everything that defines the feature. Frequencies in Hz, times in s, amplitudes in µV.

    - `bands`, `orders`: Butterworth band-passes (SCIENCE 6.2: the gentler ones at the bottom lag less).
    - `window_s`: shorter windows say less than the differences that are looked for (SCIENCE 6.3).
    - `highpass_hz`, `line_frequency_hz`, `notch_quality`: in front of the bands; None: no notch.
    - `reference`: 'average' over the good electrodes, or 'none'.
    - `interpolate`: electrodes that are not good from those around them, by spherical splines.
    - `warm_up_s`: an electrode's samples after a gap or a pop, that are not used; holes up to `bridge_s` are no gap.
    - `baseline_s`: the first seconds of a session are its baseline, unless a profile has one.
    """

    bands: tuple[tuple[float, float], ...] = ((1.0, 4.0), (4.0, 8.0), (8.0, 14.0), (14.0, 31.0), (31.0, 49.0))
    orders: tuple[int, ...] = (2, 2, 3, 3, 3)
    window_s: float = 4.0
    highpass_hz: float = 0.5
    line_frequency_hz: float | None = 50.0
    notch_quality: float = 30.0
    reference: str = "average"
    interpolate: bool = False
    warm_up_s: float = 1.0
    bridge_s: float = 0.1
    baseline_s: float = 60.0
    quality: EegQualitySettings = field(default_factory=EegQualitySettings)

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

    @property
    def window_cells(self) -> int:
        """The window in cells of one tick."""
        return round(self.window_s * TICKS_PER_SECOND)

    def contract(self) -> dict[str, object]:
        """The exact definition of the feature; a model trained with another one is refused."""
        return {
            "feature": "band_differential_entropy",
            "version": 4,
            "electrodes": list(ELECTRODES),
            "bands_hz": {name: list(band) for name, band in zip(BAND_NAMES, self.bands, strict=True)},
            "filter": {"family": "butterworth", "orders": list(self.orders), "causal": True, "state": "carried"},
            "highpass": {"family": "butterworth", "order": 2, "cutoff_hz": self.highpass_hz},
            "line_notch": {
                "quality": self.notch_quality,
                "frequency": "that of the country, not part of the contract",
                "below_share_of_rate": NOTCH_BELOW,
            },
            "after_a_gap": {"bridge_s": self.bridge_s, "warm_up_s": self.warm_up_s},
            "window_s": self.window_s,
            "log": "natural",
            "unit": "microvolt",
            "reference": {
                "kind": self.reference,
                "only_from_channels": common_reference.LEAST_CHANNELS,
                "of": "electrodes that are neither missing nor flat nor above the masking limit",
                "ramp_s": common_reference.RAMP_S,
                "after": "high-pass and notch",
            },
            "interpolation": _spline_contract() if self.interpolate else "none",
            "least_share_of_window": LEAST_SHARE,
            "variance_floor": VARIANCE_FLOOR,
            "missing_above": LARGEST_UV,
            "masked": {"above": POPPED_PEAK_UV, "for_s": self.warm_up_s, "flat_below_sd": FLAT_SD_UV},
            "baseline": {"kind": "first seconds of the session, then frozen", "seconds": self.baseline_s},
            "profile": {"least_s": LEAST_PROFILE_S, "whole_s": WHOLE_PROFILE_S, "of_electrodes": "half or more"},
        }


def _spline_contract() -> dict[str, object]:
    s = spherical_splines
    return {
        "kind": "spherical splines",
        "stiffness": s.STIFFNESS,
        "legendre_terms": s.LEGENDRE_TERMS,
        "smoothing": s.SMOOTHING,
        "of": "the bands' signals, from electrodes that are good as a tick begins",
        "at_least": {"good": s.NEIGHBOURS, "within_mm": s.NEAR_MM},
    }
