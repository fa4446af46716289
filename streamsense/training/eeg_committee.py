"""Several networks as one, which says less the further a window is from all that they were fitted on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor, nn

from streamsense.training.rbtransformer import RBTransformer

AROUSAL_OF_WORK: Final = 0.5
"""Where on the scale of arousal hard mental work stands, and rest at its negative: a choice, one SD of the prior."""
_FAMILIAR_SHARE: Final = 0.99
"""Of the windows that were fitted on: what is further from the baseline than these is not judged in full. A choice."""


class Committee(nn.Module):
    """Networks that differ in their seed alone; it says the mean of what they say.

    Where the change from the baseline is larger than `furthest`, of which no more than a hundredth of the training was,
    the networks would extrapolate: the logit falls with its square to 0, and the variance to that of a guess.
    """

    def __init__(self, members: Sequence[RBTransformer], furthest: float) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.furthest = furthest

    def forward(self, values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """As each member's: the logit and the log-variance, both (batch, 1)."""
        said = [member(values, mask) for member in self.members]
        logit, log_variance = (torch.stack(parts).mean(0) for parts in zip(*said, strict=True))
        first: RBTransformer = self.members[0]  # type: ignore[assignment]
        known = (self.furthest / distance(first, values, mask).clamp(min=self.furthest)) ** 2
        return known * logit, known * log_variance + (1 - known) * math.log(AROUSAL_OF_WORK**2)

    def on(self, electrodes: Sequence[str]) -> Committee:
        """The same networks for other electrodes, or for another order of them."""
        members = [member.on(electrodes) for member in self.members]  # type: ignore[operator]
        return Committee(members, self.furthest).eval()


def committee(members: Sequence[RBTransformer], values: Tensor, mask: Tensor) -> Committee:
    """Of networks that were fitted on these windows."""
    with torch.no_grad():
        distances = distance(members[0], values, mask)
    return Committee(members, float(torch.quantile(distances, _FAMILIAR_SHARE)))


def distance(network: RBTransformer, values: Tensor, mask: Tensor) -> Tensor:
    """How far windows are from the training's mean, in its standard deviations, (batch, 1).

    The root mean square over the bands that the network looks at and the electrodes that are there.
    """
    squared = (network.scaled(values) ** 2).mean(2)
    return ((squared * mask).sum(1, keepdim=True) / mask.sum(1, keepdim=True).clamp(min=1.0)).sqrt()
