"""What is known of rest and not in the recordings: that closing the eyes raises α, and does not arouse.

From eyes open to eyes closed α grows on the whole head, most at the back, and δ, θ and β a little, while skin
conductance falls (Barry et al. 2007, Clinical Neurophysiology 118:2765; in children 2009, 120:1806). How much α grows
differs between people, from nothing to manifold power (Hartoyo et al. 2020, PLOS Computational Biology 16:e1007662,
figure 1). The sizes here are a choice within that, named below. Nothing here was fitted to a recording.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor

from streamsense.features.band_settings import BAND_NAMES
from streamsense.features.electrode_positions import POSITIONS_MM

_LEAST_NATS: Final = 0.35
_MOST_NATS: Final = 1.0
"""By how much the entropy of α rises at the back of the head: twice to 7.4 times the power (½ ln of it)."""
_FRONT_SHARE: Final = 0.3
"""How much of that reaches the forehead; between the two it changes with the position."""
_MOST_OF_OTHERS: Final = 0.3
"""How much of it δ, θ and β have at most."""
_BACK_MM, _FRONT_MM = -100.0, 100.0


def with_eyes_closed(values: Tensor, electrodes: Sequence[str]) -> Tensor:
    """The same windows as if the eyes had been closed: each row has a rise of its own, drawn from torch's generator.

    `values` (rows, electrodes, bands) are nats of band entropy, or their change from a baseline; γ stays as it is.
    """
    rows = len(values)
    ahead = torch.tensor([POSITIONS_MM[name][1] for name in electrodes], dtype=values.dtype)
    front = ((ahead - _BACK_MM) / (_FRONT_MM - _BACK_MM)).clamp(0.0, 1.0)
    share = 1.0 - (1.0 - _FRONT_SHARE) * front
    rise = (_LEAST_NATS + (_MOST_NATS - _LEAST_NATS) * torch.rand(rows, 1)) * share
    others = _MOST_OF_OTHERS * torch.rand(rows)
    of_band = {"alpha": torch.ones(rows), "gamma": torch.zeros(rows)}
    bands = torch.stack([of_band.get(name, others) for name in BAND_NAMES], dim=1)
    return values + rise[:, :, None] * bands[:, None, :]
