"""The EEG expert: RBTransformer fitted on mental workload, and what it then says as arousal with its variance."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from scipy.optimize import minimize_scalar
from torch import Tensor, nn

from streamsense.arrays import FloatArray
from streamsense.features.electrodes import ELECTRODES
from streamsense.fusion.emotions import EMOTIONS, PRIOR_SD
from streamsense.training.eeg_committee import AROUSAL_OF_WORK, Committee, committee
from streamsense.training.eeg_hint import with_eyes_closed
from streamsense.training.eeg_tables import EegTable
from streamsense.training.fitting import FittingSettings, Progress, fit
from streamsense.training.rbtransformer import RBTransformer, RBTransformerSettings

BoolArray = npt.NDArray[np.bool_]

NO_BASELINE_VARIANCE = 0.5**2
NO_ELECTRODE_VARIANCE = 1.0
LABEL_SMOOTHING = 0.12
"""As published (SCIENCE 1.2)."""
HINT_WEIGHT = 0.5
"""Of the logit's rise where closed eyes are made up: a choice."""
_HINTED = 8
"""One row of so many is also shown with closed eyes: an eighth more to compute."""
_LEAST_KEPT = 0.15
_LOG_VARIANCE_LIMITS = (-6.0, 2.0)
_PREDICTED_AT_ONCE = 512


@dataclass(frozen=True)
class WorkloadSettings:
    """What the networks are, how each is fitted, and how many they are (`members`), from one seed after the other."""

    network: RBTransformerSettings = field(default_factory=RBTransformerSettings)
    fitting: FittingSettings = field(default_factory=FittingSettings)
    members: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.members <= 100:
            raise ValueError(f"members is {self.members}, expected 1 to 100")

    @property
    def epochs(self) -> int:
        """Of all members together."""
        return self.members * self.fitting.epochs

    def of_member(self, number: int) -> FittingSettings:
        """How this one is fitted."""
        return replace(self.fitting, seed=(self.fitting.seed + number) % 2**31)


def fit_workload(
    table: EegTable,
    settings: WorkloadSettings,
    checkpoint: Path | None = None,
    progress: Progress | None = None,
) -> Committee:
    """Networks that tell the rows with a label from those without, for all `ELECTRODES`.

    The change from the baseline keeps its sign. Half of the rows are shown without some of their electrodes, anew in
    every epoch, so that the networks also serve smaller caps. Both labels count equally, whatever their numbers. Some
    rows are shown a second time as if the eyes had been closed: by as much as the logit is above what it was, the loss
    is larger (a hint: Abu-Mostafa 1990, Journal of Complexity 6:192). Their label has no part in that.

    `checkpoint` names the members' files, each with its number; `progress` counts the epochs of all.
    """
    present = np.flatnonzero(table.mask.any(axis=0))
    values = torch.from_numpy((table.entropy - table.baseline)[:, present])
    mask = torch.from_numpy(table.mask[:, present])
    label = torch.from_numpy(table.label.astype(np.float32))[:, None]
    weight = torch.from_numpy(balance(table.label).astype(np.float32))[:, None]
    target = label * (1 - LABEL_SMOOTHING) + 0.5 * LABEL_SMOOTHING

    there = values.numpy()[table.mask[:, present] > 0].astype(np.float64)
    centre, scale = there.mean(axis=0), there.std(axis=0) + 1e-3

    electrodes = [ELECTRODES[place] for place in present]

    def build() -> RBTransformer:
        return RBTransformer(electrodes, settings.network, centre, scale)

    def loss_of(network: RBTransformer, rows: Tensor) -> Tensor:
        here, shown, hinted = values[rows], _some_electrodes(mask[rows]), -(-len(rows) // _HINTED)
        closed = with_eyes_closed(here[:hinted], electrodes)
        said = network(torch.cat([here, closed]), torch.cat([shown, shown[:hinted]]))
        logit, log_variance = said[0][: len(rows)], said[1][: len(rows)]
        aroused = nn.functional.relu(said[0][len(rows) :] - logit[:hinted]).mean()
        wrong = nn.functional.binary_cross_entropy_with_logits(logit, target[rows], reduction="none")
        error = AROUSAL_OF_WORK * (2 * label[rows] - 1 - torch.tanh(logit.detach() / 2))
        unsure = log_variance.clamp(*_LOG_VARIANCE_LIMITS)
        surprise = 0.5 * (unsure + error**2 * torch.exp(-unsure))
        loss: Tensor = (weight[rows] * (wrong + surprise)).mean() + HINT_WEIGHT * aroused
        return loss

    def fitted(number: int) -> RBTransformer:
        kept = checkpoint and checkpoint.with_name(f"{checkpoint.stem}-{number}{checkpoint.suffix}")
        before = number * settings.fitting.epochs
        told = progress and (lambda epoch, loss: progress(before + epoch, loss))
        return fit(build, len(table), loss_of, settings.of_member(number), kept, told)

    return committee([fitted(number) for number in range(settings.members)], values, mask).on(ELECTRODES)


def balance(label: BoolArray) -> FloatArray:
    """A weight for each row, so that both labels have the same in sum and the mean is 1."""
    share = label.mean()
    return np.asarray(np.where(label, 0.5 / share, 0.5 / (1 - share)))


def _some_electrodes(mask: Tensor) -> Tensor:
    """Half of the rows with all of their electrodes, half with a random share of them (never none)."""
    rows = (len(mask), 1)
    share = torch.where(torch.rand(rows) < 0.5, 1.0, _LEAST_KEPT + (1 - _LEAST_KEPT) * torch.rand(rows))
    kept = mask * (torch.rand(mask.shape) < share)
    return torch.where(kept.sum(1, keepdim=True) > 0, kept, mask)


def predict(network: Committee, table: EegTable) -> tuple[FloatArray, FloatArray]:
    """The networks' logit and log-variance of each row, both (n,)."""
    present = np.flatnonzero(table.mask.any(axis=0))
    network = network.on([ELECTRODES[place] for place in present])
    values, mask = (table.entropy - table.baseline)[:, present], table.mask[:, present]
    found: list[Tensor] = []
    with torch.no_grad():
        for start in range(0, len(table), _PREDICTED_AT_ONCE):
            part = slice(start, start + _PREDICTED_AT_ONCE)
            found.append(torch.cat(network(torch.from_numpy(values[part]), torch.from_numpy(mask[part])), dim=1))
    logit, log_variance = torch.cat(found).numpy().astype(np.float64).T
    return logit, log_variance


@dataclass(frozen=True)
class Calibration:
    """What is learned on people the network has not seen: how far its logit and its variance can be believed."""

    temperature: float = 1.0
    offset: float = 0.0
    slope: float = 1.0

    def probability(self, logit: FloatArray) -> FloatArray:
        """That the window is work."""
        return np.asarray(0.5 + 0.5 * np.tanh(logit / (2 * self.temperature)))

    def arousal(self, logit: FloatArray) -> FloatArray:
        """In [-AROUSAL_OF_WORK, AROUSAL_OF_WORK]."""
        return AROUSAL_OF_WORK * np.tanh(logit / (2 * self.temperature))

    def variance(self, log_variance: FloatArray) -> FloatArray:
        """Of the arousal, for the target of `fit_workload`."""
        limited = np.clip(log_variance, *_LOG_VARIANCE_LIMITS)
        return np.asarray(np.exp(self.offset + self.slope * limited))


def calibrate(logit: FloatArray, log_variance: FloatArray, label: BoolArray) -> Calibration:
    """Temperature by the likelihood of the labels, then a line through the log-variance by that of the errors."""
    weight, sign = balance(label), 2.0 * label - 1

    def unlikely(log_temperature: float) -> float:
        return float(np.mean(weight * np.logaddexp(0.0, -sign * logit / np.exp(log_temperature))))

    temperature = float(np.exp(minimize_scalar(unlikely, bounds=(-3.0, 3.0), method="bounded").x))
    error = AROUSAL_OF_WORK * (sign - np.tanh(logit / (2 * temperature)))
    limited = np.clip(log_variance, *_LOG_VARIANCE_LIMITS)

    def offset(slope: float) -> float:
        return float(np.log(np.mean(weight * error**2 * np.exp(-slope * limited)) + 1e-9))

    def surprising(slope: float) -> float:
        return offset(slope) + slope * float(np.mean(weight * limited))

    slope = float(minimize_scalar(surprising, bounds=(0.0, 2.0), method="bounded").x)
    return Calibration(temperature, offset(slope), slope)


class WorkloadExpert(nn.Module):
    """The networks as the runtime's EEG expert: arousal with a variance; valence and dominance stay the prior."""

    def __init__(self, network: Committee, calibration: Calibration) -> None:
        super().__init__()
        self.network = network.on(ELECTRODES)
        self.calibration = calibration

    def forward(self, entropy: Tensor, baseline: Tensor, mask: Tensor, weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The inputs of an EEG expert → vad_mean (batch, 3), vad_log_variance (batch, 3), emotion_logits (batch, 8).

        As far as there is no settled baseline, or no electrode, the mean goes to 0 and the variance is wide.
        """
        c = self.calibration
        logit, log_variance = self.network(entropy - baseline, mask)
        settled, known = weight.clamp(0.0, 1.0), mask.sum(1, keepdim=True).clamp(0.0, 1.0)
        arousal = settled * known * AROUSAL_OF_WORK * torch.tanh(logit / (2 * c.temperature))
        variance = torch.exp(c.offset + c.slope * log_variance.clamp(*_LOG_VARIANCE_LIMITS))
        variance = variance + (1 - settled) * NO_BASELINE_VARIANCE + (1 - known) * NO_ELECTRODE_VARIANCE
        nothing = settled * 0.0
        prior = nothing + PRIOR_SD**2
        mean = torch.cat([nothing, arousal, nothing], dim=1)
        return mean, torch.log(torch.cat([prior, variance, prior], dim=1)), nothing.repeat(1, len(EMOTIONS))
