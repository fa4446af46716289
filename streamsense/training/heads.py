"""One small network for each modality: from its expert's inputs to valence, arousal, dominance, variance and emotions.

EEG: RBTransformer over the electrodes that are there. Face and voice: a linear layer on the window's standardised
numbers, and beside it causal convolutions over its frames where the pipeline gives frames (the temporal net).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from streamsense.arrays import Float32Array, FloatArray
from streamsense.errors import ModelError
from streamsense.features.electrodes import ELECTRODES
from streamsense.fusion.emotions import DIMENSIONS, EMOTIONS
from streamsense.streams import Modality
from streamsense.training.joint_table import ModalityRows
from streamsense.training.rbtransformer import RBTransformer, RBTransformerSettings

LOG_VARIANCE_LIMITS: Final = (-5.0, 1.0)
FIRST_LOG_VARIANCE: Final = -1.5
EEG_INPUTS: Final = ("band_entropy", "band_entropy_baseline", "electrode_mask", "baseline_weight")
FRAMES: Final[Mapping[str, str]] = {
    "action_unit_frames": "action_unit_frame_mask",
    "log_mel_frames": "log_mel_mask",
}
"""Inputs (time, numbers) that are sequences, and the inputs (time,) that say which of their rows count."""
MASKS: Final[Mapping[str, str]] = {"action_units": "action_unit_mask"}
"""Inputs whose rows count as far as another input says."""
_LIMIT = 4.0
_LEAST_SD = 1e-3
_STANDARDISED_BY = 2000
"""Windows at most, evenly spaced, whose frames give the mean and standard deviation: neighbours hold the same ones."""
_UNSETTLED_VARIANCE = 0.5**2


class HeadOutput(NamedTuple):
    """`vad_mean` (batch, 3) in (-1, 1), `vad_log_variance` (batch, 3), `emotion_logits` (batch, 8)."""

    vad_mean: Tensor
    vad_log_variance: Tensor
    emotion_logits: Tensor


class Head(nn.Module):
    """What all heads share: `inputs` are the names of what `forward` takes, in its order."""

    inputs: tuple[str, ...]

    def for_all(self) -> Head:
        """The same head for whatever the runtime gives it; itself, where that makes no difference."""
        return self


def head_for(modality: Modality, rows: ModalityRows, eeg: RBTransformerSettings, width: int) -> Head:
    """A new head for the inputs that the rows have, standardised by those rows that are there."""
    there = {name: values[rows.presence > 0] for name, values in rows.inputs.items()}
    if modality == "eeg":
        return EegHead(there, eeg)
    return WindowHead(there, width)


class EegHead(Head):
    """RBTransformer on the change from the baseline; as far as the baseline is not settled it knows less."""

    def __init__(self, there: Mapping[str, Float32Array], settings: RBTransformerSettings) -> None:
        super().__init__()
        _require(there, EEG_INPUTS, "eeg")
        self.inputs = EEG_INPUTS
        mask = there["electrode_mask"] > 0
        self.places = np.flatnonzero(mask.any(axis=0)).tolist()
        if not self.places:
            raise ModelError("The EEG of the training table has no electrode at all, expected one or more.")
        change = (there["band_entropy"] - there["band_entropy_baseline"])[mask].astype(np.float64)
        names = [ELECTRODES[place] for place in self.places]
        self.network = RBTransformer(names, settings, change.mean(axis=0), change.std(axis=0) + _LEAST_SD)
        # As published, but for what is read off: the last layers give all that an expert says, not one number.
        self.network.head[-1] = nn.Linear(settings.width, len(DIMENSIONS) + len(EMOTIONS))
        spread = nn.Linear(settings.width, len(DIMENSIONS))
        nn.init.constant_(spread.bias, FIRST_LOG_VARIANCE)
        self.network.spread[-1] = spread

    def forward(self, entropy: Tensor, baseline: Tensor, mask: Tensor, weight: Tensor) -> HeadOutput:
        """Of (batch, electrodes, bands) twice, (batch, electrodes) and (batch, 1)."""
        change, there = (entropy - baseline)[:, self.places], mask[:, self.places]
        said, spread = self.network(change, there)
        known = weight.clamp(0.0, 1.0) * there.sum(1, keepdim=True).clamp(0.0, 1.0)
        variance = torch.exp(spread.clamp(*LOG_VARIANCE_LIMITS)) + (1 - known) * _UNSETTLED_VARIANCE
        return HeadOutput(
            known * torch.tanh(said[:, : len(DIMENSIONS)]), variance.log(), known * said[:, len(DIMENSIONS) :]
        )

    def for_all(self) -> EegHead:
        """For every electrode that the pipeline knows; those that were never seen have their neighbours' identity."""
        self.network, self.places = self.network.on(ELECTRODES), list(range(len(ELECTRODES)))
        return self


class WindowHead(Head):
    """A linear layer on the standardised numbers of a window and on what the temporal net makes of its frames."""

    def __init__(self, there: Mapping[str, Float32Array], width: int) -> None:
        super().__init__()
        self.frames = next((name for name in FRAMES if name in there), None)
        beside = {*FRAMES, *FRAMES.values(), *MASKS.values()}
        self.numbers = tuple(name for name in there if name not in beside)
        masks = tuple(MASKS[name] for name in self.numbers if name in MASKS)
        temporal = () if self.frames is None else (self.frames, FRAMES[self.frames])
        self.inputs = (*self.numbers, *masks, *temporal)
        _require(there, self.inputs, "an expert")
        self.standard = Standardised(self._joined({name: torch.from_numpy(there[name]) for name in self.inputs}))
        self.dropout = nn.Dropout(0.1)
        count = len(self.standard.mean)
        self.temporal: TemporalNet | None = None
        if self.frames is not None:
            few = slice(None, None, -(-len(there[self.frames]) // _STANDARDISED_BY))
            frames, counts = there[self.frames][few], there[FRAMES[self.frames]][few] > 0
            self.temporal = TemporalNet(torch.from_numpy(frames[counts]), width)
            count += 2 * width
        self.said = nn.Linear(count, len(DIMENSIONS) + len(EMOTIONS))
        self.spread = nn.Linear(count, len(DIMENSIONS))
        for layer in (self.said, self.spread):
            nn.init.zeros_(layer.weight)
        nn.init.constant_(self.spread.bias, FIRST_LOG_VARIANCE)

    def forward(self, *values: Tensor) -> HeadOutput:
        """Of `inputs`, in their order, each with a batch axis."""
        by_name = dict(zip(self.inputs, values, strict=True))
        hidden = self.dropout(self.standard(self._joined(by_name)))
        if self.temporal is not None and self.frames is not None:
            hidden = torch.cat([hidden, self.temporal(by_name[self.frames], by_name[FRAMES[self.frames]])], dim=1)
        said = self.said(hidden)
        # What it learns about its own errors must not change what it says.
        spread = self.spread(hidden.detach()).clamp(*LOG_VARIANCE_LIMITS)
        return HeadOutput(torch.tanh(said[:, : len(DIMENSIONS)]), spread, said[:, len(DIMENSIONS) :])

    def _joined(self, by_name: Mapping[str, Tensor]) -> Tensor:
        """All numbers of the window side by side, (batch, numbers)."""
        parts = []
        for name in self.numbers:
            value = by_name[name]
            if name in MASKS:
                value = value * by_name[MASKS[name]][:, :, None]
            parts.append(value.flatten(1))
        return torch.cat(parts, dim=1)


class Standardised(nn.Module):
    """Numbers less their mean over their standard deviation in the training rows, cut at ±4 of these."""

    def __init__(self, rows: Tensor) -> None:
        super().__init__()
        self.mean: Tensor
        self.scale: Tensor
        if not len(rows):  # nothing counts anywhere: it will not be asked for either
            rows = torch.zeros(1, rows.shape[1])
        self.register_buffer("mean", rows.double().mean(0).float())
        self.register_buffer("scale", (rows.double().std(0, correction=0) + _LEAST_SD).float())

    def forward(self, values: Tensor) -> Tensor:
        """Of (…, numbers), the same shape."""
        out: Tensor = torch.clamp((values - self.mean) / self.scale, -_LIMIT, _LIMIT)
        return out


class TemporalNet(nn.Module):
    """Causal convolutions over frames, each reaching twice as far back, then the mean and the newest of what counts.

    A temporal convolutional network (Bai, Kolter & Koltun 2018, arXiv 1803.01271) with kernels of 3 and gaps of 1, 2
    and 4 frames: it sees 15 frames back. Frames that do not count are 0 before every layer.
    """

    def __init__(self, counted: Tensor, width: int) -> None:
        super().__init__()
        self.standard = Standardised(counted)
        self.gaps = (1, 2, 4)
        sizes = (counted.shape[1], width, width)
        self.layers = nn.ModuleList(
            nn.Conv1d(size, width, 3, dilation=gap) for size, gap in zip(sizes, self.gaps, strict=True)
        )
        self.dropout = nn.Dropout(0.1)

    def forward(self, frames: Tensor, mask: Tensor) -> Tensor:
        """Of `frames` (batch, time, numbers) and `mask` (batch, time; 0 does not count), (batch, 2 width)."""
        counts = mask[:, None, :]
        values = self.standard(frames).transpose(1, 2) * counts
        for at, (layer, gap) in enumerate(zip(self.layers, self.gaps, strict=True)):
            past = nn.functional.pad(values, (2 * gap, 0))
            new = self.dropout(torch.relu(layer(past))) * counts
            values = new if at == 0 else values + new
        # The later a frame the more it counts as newest: e times less for each eighth of the window into the past.
        age = torch.arange(values.shape[2] - 1, -1, -1, dtype=values.dtype)
        newest = mask * torch.exp(-8 * age / values.shape[2])
        return torch.cat([_mean(values, mask), _mean(values, newest)], dim=1)


def _mean(values: Tensor, weight: Tensor) -> Tensor:
    """The mean of `values` (batch, width, time) over time with `weight` (batch, time); 0 without weight."""
    total = weight.sum(1, keepdim=True)
    return (values * weight[:, None, :]).sum(2) / torch.where(total > 0, total, torch.ones_like(total))


def _require(there: Mapping[str, FloatArray] | Mapping[str, Float32Array], names: Sequence[str], whose: str) -> None:
    if missing := [name for name in names if name not in there]:
        raise ModelError(f"The rows of {whose} lack the inputs {', '.join(missing)}; they have {', '.join(there)}.")
