"""How good a window of EEG is, and why not better."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from streamsense.arrays import BoolArray, FloatArray, IntArray
from streamsense.features.band_filters import LINE_FREQUENCIES_HZ
from streamsense.features.band_sums import BANDS, BORROWED, BROAD, LINE, OTHER_LINE, OWN, SEEN, WARM
from streamsense.features.eeg_samples import AT_HIGHEST, AT_LOWEST, HIGHEST, LOWEST, PEAK
from streamsense.features.entropy_cells import FLAT_SD_UV
from streamsense.features.entropy_window import Window


@dataclass(frozen=True)
class EegQualitySettings:
    """From where on an electrode counts as bad. None of this changes the feature; amplitudes in µV.

    - `noisy_sd_uv` and `popped_uv`, the largest magnitude, after high-pass and reference: above blinks of 100 to 150 µV
      (SCIENCE 6.6), one a second.
    - `line_share`: power at the line frequency beside all other power above the high-pass: more than all else is.
    - `flat_share` of the cells below the SD from which on an electrode measures something.
    - `clipped_share` of the samples at the window's very highest or lowest value, of a range of `clipped_range_uv` or
      more, is clipped: of Gaussian noise in steps of a tenth of its SD it is 0.05 %.
    - `railed_from_uv`: a constant at least so far from 0 is an amplifier at its limit, as it is without contact. One
      that is nearer is flat: some headsets rest at 4,200 µV.
    - `muscle_spreads` above the running level of the highest band (SCIENCE 6.6: 5 MAD), in `muscle_share` of the cells.
    - `floor_share`: more than this of the power below the highest band is an even floor of noise. A brain's spectrum
      falls from one band to the next as 1/f to the power of `brain_falls` or more steeply (at rest 1 to 2); what the
      highest band has above that is taken for the floor. Muscles make one too, but not everywhere: where more than half
      of `everywhere_electrodes` or more have more than `everywhere_share`, all count as noisy. Fewer electrodes can all
      lie over muscles. Chosen on the 12 people of EEGMAT with odd numbers, and so high that a cap of 64 electrodes
      keeps its median. Of those people 0.1 % of the electrodes' windows have so much, and 0.1 % of the windows
      everywhere. With white noise as strong as the EEG, which at 500 Hz lies mostly above the bands, 10 % and 98 %;
      with noise 10 dB above it 98 % and all.
    """

    flat_share: float = 0.25
    noisy_sd_uv: float = 60.0
    popped_uv: float = 300.0
    line_share: float = 1.0
    clipped_share: float = 0.02
    clipped_range_uv: float = 100.0
    railed_from_uv: float = 5000.0
    muscle_spreads: float = 5.0
    muscle_share: float = 0.2
    floor_share: float = 0.35
    brain_falls: float = 1.6
    everywhere_share: float = 0.05
    everywhere_electrodes: int = 16

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not 0 < value < np.inf:
                raise ValueError(f"{name} is {value}, expected above 0")


_CLEAN, _MISSING, _SETTLING, _FLAT, _RAILED, _POPPED, _NOISY, _FLOOR, _MUSCLE, _LINE, _OTHER_LINE, _BORROWED = range(12)


def eeg_quality(
    window: Window,
    present: BoolArray,
    expected: float,
    least: float,
    cells: int,
    line_frequency_hz: float | None,
    bands_hz: FloatArray,
    settings: EegQualitySettings,
) -> tuple[float, tuple[str, ...]]:
    """Quality in [0, 1]: the share of electrodes that are present and clean; and the reasons why not 1.

    `present` (channels,): those whose own samples are used. A whole window has `expected` samples and `cells`
    cells; below `least` samples an electrode is missing. One that is interpolated is no cleaner for it. `bands_hz`
    (bands, 2): the edges of the bands, rising.
    """
    s = settings
    # What the notch took away is no longer in the rest; the other line frequency still is.
    first, rest = (line_frequency_hz, 0.0) if line_frequency_hz else (LINE_FREQUENCIES_HZ[0], 1.0)
    other = next(hz for hz in LINE_FREQUENCIES_HZ if hz != first)
    counts = _count(
        window.sums, window.extremes, window.tense, window.still, present, expected, least, rest, s.noisy_sd_uv,
        s.popped_uv, s.line_share, s.clipped_share, s.clipped_range_uv, s.railed_from_uv, s.muscle_share * cells,
        s.flat_share * cells, _floor_shares(window.sums, bands_hz, s.brain_falls), s.floor_share, s.everywhere_share,
        s.everywhere_electrodes,
    )  # fmt: skip
    names = {
        _MISSING: "missing", _SETTLING: "settling", _FLAT: "flat", _RAILED: "railed", _POPPED: "popped",
        _NOISY: "noisy", _FLOOR: "with broadband noise", _MUSCLE: "with muscle activity",
        _LINE: f"with {first:g} Hz line noise", _OTHER_LINE: f"with {other:g} Hz line noise", _BORROWED: "interpolated",
    }  # fmt: skip
    reasons = tuple(
        f"{counts[kind]} of {len(present)} electrodes {name}" for kind, name in names.items() if counts[kind]
    )
    return float(counts[_CLEAN] / len(present)), reasons


@njit(cache=True)  # type: ignore[untyped-decorator]
def find_present(sums: FloatArray, least: float) -> tuple[BoolArray, BoolArray, float]:
    """Which channels have a value: from their own samples; from those or others'. And how many the fullest has.

    By a window's `sums` (rows, channels); a value needs `least` samples. An electrode that is flat, or is its own
    reference, measures nothing, whatever the logarithm of its rounding errors would say.
    """
    present = (sums[WARM] >= least) & (np.minimum(sums[OWN], sums[BROAD]) >= FLAT_SD_UV**2 * sums[WARM])
    fullest = 0.0
    for c in range(len(present)):
        fullest = max(fullest, sums[WARM, c]) if present[c] else fullest
    return present, present | (sums[BORROWED] >= least), fullest


@njit(cache=True)  # type: ignore[untyped-decorator]
def _floor_shares(sums: FloatArray, bands_hz: FloatArray, falls: float) -> FloatArray:
    """How much of the power below the highest band an even floor of noise makes up, (channels,): 0 or more.

    The floor N and the brain B in the last two bands, per Hz: β = B + N and γ = ρB + N, where ρ is what 1/f to the
    power `falls` leaves of the one at the other's middle. Where γ is less than ρβ there is none. Noise that somebody
    filtered away above β is not found; nor is what is interpolated judged, as it is not the electrode's own.
    """
    low, high = len(bands_hz) - 2, len(bands_hz) - 1
    widths = bands_hz[:, 1] - bands_hz[:, 0]
    left = ((bands_hz[low, 0] * bands_hz[low, 1]) / (bands_hz[high, 0] * bands_hz[high, 1])) ** (falls / 2)
    squares = sums[BANDS + len(bands_hz) :]
    shares = np.zeros(sums.shape[1])
    for c in range(sums.shape[1]):
        below = squares[:high, c].sum()
        if sums[BORROWED, c] == 0.0 and below > 0.0 and left < 1.0:
            above = squares[high, c] / widths[high] - left * squares[low, c] / widths[low]
            shares[c] = max(above, 0.0) / (1 - left) * widths[:high].sum() / below
    return shares


@njit(cache=True)  # type: ignore[untyped-decorator]
def _count(
    sums: FloatArray,
    extremes: FloatArray,
    tense: FloatArray,
    still: FloatArray,
    present: BoolArray,
    expected: float,
    least: float,
    rest: float,
    noisy_sd_uv: float,
    popped_uv: float,
    line_share: float,
    clipped_share: float,
    clipped_range_uv: float,
    railed_from_uv: float,
    tense_cells: float,
    flat_cells: float,
    floors: FloatArray,
    floor_share: float,
    everywhere_share: float,
    everywhere_electrodes: int,
) -> IntArray:
    """How many electrodes are clean, and how many are what; an electrode can be several things."""
    counts = np.zeros(_BORROWED + 1, np.int64)
    enough = max(least, sums[SEEN].max() / 2)
    above = (floors > everywhere_share) & present
    everywhere = present.sum() >= everywhere_electrodes and 2 * above.sum() > present.sum()
    for c in range(len(present)):
        warm, own, high, low = sums[WARM, c], sums[OWN, c], extremes[HIGHEST, c], extremes[LOWEST, c]
        at_end = max(extremes[AT_HIGHEST, c], extremes[AT_LOWEST, c])
        constant = high == low and sums[SEEN, c] > 1 and abs(high) >= railed_from_uv
        railed = constant or (high - low >= clipped_range_uv and at_end > clipped_share * expected)
        flat = still[c] >= flat_cells and not railed
        popped = extremes[PEAK, c] > popped_uv
        missing = sums[SEEN, c] < enough
        noisy = warm > 0 and sums[BROAD, c] > noisy_sd_uv**2 * warm
        floor = everywhere or floors[c] > floor_share
        muscle = tense[c] >= tense_cells
        line = sums[LINE, c] > line_share * (own - rest * sums[LINE, c])
        other_line = sums[OTHER_LINE, c] > line_share * (own - sums[OTHER_LINE, c])
        away = popped or railed or flat or missing
        counts[_FLAT] += flat
        counts[_RAILED] += railed
        counts[_POPPED] += popped
        counts[_MISSING] += missing
        counts[_BORROWED] += sums[BORROWED, c] > 0
        if present[c]:
            counts[_NOISY] += noisy
            counts[_FLOOR] += floor
            counts[_MUSCLE] += muscle
            counts[_LINE] += line
            counts[_OTHER_LINE] += other_line
            counts[_CLEAN] += not (away or noisy or floor or muscle or line or other_line)
        elif not away:
            counts[_SETTLING] += 1
    return counts
