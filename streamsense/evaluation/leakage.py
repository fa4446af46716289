"""The leakage sentinel: labels that mean nothing, recognised at 100 % by a split that is wrong.

Noise with random labels is cut into overlapping windows. A nearest neighbour that is tested on windows whose neighbours
it was given finds the recording again, and with it the label. Split by recording or by person it is at chance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, sosfilt

from streamsense.arrays import FloatArray
from streamsense.evaluation.splits import Split, folds_by_person, trial_wise
from streamsense.evaluation.windows import Window

_RATE_HZ, _CHANNELS, _BANDS_HZ = 128, 8, ((4, 8), (8, 14), (14, 31), (31, 49))
_WINDOW, _HOP = 512, 117
_PEOPLE, _RECORDINGS, _SECONDS = 10, 4, 40
_FOLDS = 5


@dataclass(frozen=True)
class Sentinel:
    """The accuracy, in [0, 1], of a nearest neighbour on random labels, by the way of splitting."""

    shuffled_windows: float
    by_recording: float
    by_person: float


@dataclass(frozen=True, eq=False)
class SentinelData:
    """Windows of noise, their features (windows, channels · bands), and labels (windows,) that mean nothing."""

    windows: list[Window]
    features: FloatArray
    labels: npt.NDArray[np.int64]


def run_sentinel(seed: int = 0) -> Sentinel:
    """The three accuracies, for chance at 0.5. The same for the same seed."""
    data = sentinel_data(seed)
    return Sentinel(
        shuffled_windows=_accuracy(data, shuffled_folds(len(data.windows), seed)),
        by_recording=_accuracy(data, list(_every_recording_once(data, seed))),
        by_person=_accuracy(data, list(folds_by_person(data.windows, _FOLDS, seed))),
    )


def sentinel_data(seed: int = 0) -> SentinelData:
    """1/f noise of 40 recordings, each with a random label and gains of its own, as an electrode cap has."""
    random = np.random.default_rng(seed)
    windows: list[Window] = []
    features, labels = [], []
    # As many of each label, so that chance is one half.
    dealt = random.permutation(np.arange(_PEOPLE * _RECORDINGS) % 2)
    for number, label in enumerate(dealt.tolist()):
        person, recording = divmod(number, _RECORDINGS)
        powers = _log_powers(_pink_noise(random) * np.exp(0.15 * random.standard_normal((_CHANNELS, 1))))
        for at, power in enumerate(powers):
            start_s = at * _HOP / _RATE_HZ
            end_s = start_s + _WINDOW / _RATE_HZ
            windows.append(Window("noise", f"{person:02d}", f"recording {recording}", start_s, end_s))
            features.append(power)
            labels.append(label)
    return SentinelData(windows, np.array(features), np.array(labels))


def shuffled_folds(count: int, seed: int = 0) -> list[Split]:
    """What must not be done: windows dealt into folds one by one. `check_split` refuses each of these."""
    order = np.random.default_rng(seed).permutation(count)
    parts = np.array_split(order, _FOLDS)
    return [Split("shuffled", np.setdiff1d(order, part), np.sort(part)) for part in parts]


def _every_recording_once(data: SentinelData, seed: int) -> list[Split]:
    """Trial-wise splits, but with everybody else's windows to train on as well."""
    every = np.arange(len(data.windows))
    return [
        Split(split.name, np.setdiff1d(every, split.test), split.test)
        for split in trial_wise(data.windows, _RECORDINGS, seed)
    ]


def _pink_noise(random: np.random.Generator) -> FloatArray:
    """(channels, samples) of noise whose power falls with 1/f."""
    samples = _SECONDS * _RATE_HZ
    spectrum = np.fft.rfft(random.standard_normal((_CHANNELS, samples)))
    frequencies = np.fft.rfftfreq(samples)
    frequencies[0] = frequencies[1]
    return np.asarray(np.fft.irfft(spectrum / np.sqrt(frequencies), samples), np.float64)


def _log_powers(signal: FloatArray) -> FloatArray:
    """(windows, channels · bands): log variance of each window in each band."""
    found = []
    for band in _BANDS_HZ:
        filtered = sosfilt(butter(2, band, "bandpass", fs=_RATE_HZ, output="sos"), signal)
        cut = np.lib.stride_tricks.sliding_window_view(filtered, _WINDOW, axis=1)[:, ::_HOP]
        found.append(np.log(cut.var(axis=2)))
    return np.concatenate(found).T


def _accuracy(data: SentinelData, splits: list[Split]) -> float:
    right = [
        data.labels[split.train][_nearest(data.features[split.train], data.features[split.test])]
        == data.labels[split.test]
        for split in splits
    ]
    return float(np.concatenate(right).mean())


def _nearest(known: FloatArray, asked: FloatArray) -> npt.NDArray[np.intp]:
    squares = (known**2).sum(axis=1) - 2 * asked @ known.T  # the asked one's own square changes no order
    return np.asarray(squares.argmin(axis=1), np.intp)
