"""RBTransformer: attention between electrodes over their band entropies, for whichever electrodes are there.

After mePriyansh/RBTransformer (arXiv 2511.13954; SCIENCE 1.2): one token for each electrode, an identity embedding,
pre-norm attention between electrodes, their mean, and a small network. Three things are added, so that one network
serves any cap: absent electrodes are masked in the attention and in the mean; an electrode's identity is interpolated
from its position between the sites of the 10-20 system; and a second head says how far the first may be off.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from streamsense.arrays import FloatArray
from streamsense.features.band_settings import BAND_NAMES
from streamsense.features.electrode_positions import POSITIONS_MM

# fmt: off
SITES = (
    "Fp1", "Fp2", "F7", "F3", "Fz", "F4", "F8", "T7", "C3", "Cz", "C4", "T8", "P7", "P3", "Pz", "P4", "P8", "O1", "O2",
)
# fmt: on
"""The 19 sites of the 10-20 system: each has an embedding of its own, every other electrode a mixture of theirs."""
_NEAR_MM = 25.0
"""Width of the mixture: sites lie 60 mm apart, so one keeps nine tenths of its own embedding, and an electrode half
way between two takes half of each. (The published code mixes with 40 mm; the 19 would hardly differ then.)"""
_LARGEST_INPUT = 6.0
"""Standard deviations: further away is an artefact, and says no more than that."""
_MASKED = -1e4
"""Added to the attention score of an absent electrode: its exponential is 0 in single precision, and never NaN."""


@dataclass(frozen=True)
class RBTransformerSettings:
    """Sizes, those of the published class's own defaults; and `bands`, indices of the bands that are looked at."""

    bands: tuple[int, ...] = tuple(range(len(BAND_NAMES)))
    width: int = 64
    depth: int = 3
    heads: int = 4
    head_width: int = 16
    dropout: float = 0.1

    def __post_init__(self) -> None:
        if not self.bands or any(band not in range(len(BAND_NAMES)) for band in self.bands):
            raise ValueError(f"bands are {self.bands}, expected indices of {', '.join(BAND_NAMES)}")


class ElectrodeAttention(nn.Module):
    """Attention between electrodes. Written out, because the library's own exports wrongly with dynamic axes."""

    def __init__(self, settings: RBTransformerSettings) -> None:
        super().__init__()
        self.heads, self.head_width = settings.heads, settings.head_width
        inner = settings.heads * settings.head_width
        self.query, self.key, self.value = (nn.Linear(settings.width, inner, bias=False) for _ in range(3))
        self.result = nn.Linear(inner, settings.width)
        self.dropout = nn.Dropout(settings.dropout)

    def forward(self, tokens: Tensor, hidden: Tensor) -> Tensor:
        """`tokens` (batch, electrodes, width); `hidden` (batch, 1, 1, electrodes) is added to the scores."""
        electrodes = tokens.shape[1]

        def split(projected: Tensor) -> Tensor:
            return projected.reshape(-1, electrodes, self.heads, self.head_width).transpose(1, 2)

        query, key, value = split(self.query(tokens)), split(self.key(tokens)), split(self.value(tokens))
        scores = query @ key.transpose(2, 3) * self.head_width**-0.5 + hidden
        mixed = self.dropout(scores.softmax(-1)) @ value
        joined = mixed.transpose(1, 2).reshape(-1, electrodes, self.heads * self.head_width)
        out: Tensor = self.result(joined)
        return out


class Block(nn.Module):
    """One pre-norm block: attention between electrodes, then two layers on each, both added to what came in."""

    def __init__(self, settings: RBTransformerSettings) -> None:
        super().__init__()
        width = settings.width
        self.before_attention, self.before_layers = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = ElectrodeAttention(settings)
        self.layers = nn.Sequential(
            nn.Linear(width, width), nn.GELU(), nn.Dropout(settings.dropout), nn.Linear(width, width),
            nn.Dropout(settings.dropout),
        )  # fmt: skip

    def forward(self, tokens: Tensor, hidden: Tensor) -> Tensor:
        """`tokens` (batch, electrodes, width), `hidden` as in the attention."""
        tokens = tokens + self.attention(self.before_attention(tokens), hidden)
        out: Tensor = tokens + self.layers(self.before_layers(tokens))
        return out


class RBTransformer(nn.Module):
    """Band values of each electrode → a logit, and the natural logarithm of the variance of what is made of it.

    `electrodes` are the names, in the order in which values come. `centre` and `scale` (bands,) are taken off all
    values of a band, and divided by; they come from the rows that it is trained on.
    """

    def __init__(
        self, electrodes: Sequence[str], settings: RBTransformerSettings, centre: FloatArray, scale: FloatArray
    ) -> None:
        super().__init__()
        self.settings = settings
        self.bands = list(settings.bands)
        width = settings.width
        self.mixture: Tensor
        self.centre: Tensor
        self.scale: Tensor
        self.register_buffer("mixture", _mixture(electrodes))
        self.register_buffer("centre", torch.tensor(centre[self.bands], dtype=torch.float32))
        self.register_buffer("scale", torch.tensor(scale[self.bands], dtype=torch.float32))
        self.identity = nn.Parameter(torch.randn(len(SITES), width))
        self.embedding = nn.Linear(len(self.bands), width)
        self.dropout = nn.Dropout(settings.dropout)
        self.blocks = nn.ModuleList(Block(settings) for _ in range(settings.depth))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Dropout(settings.dropout), nn.Linear(2 * width, width),
            nn.GELU(), nn.Linear(width, 1),
        )  # fmt: skip
        self.spread = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, 1))

    def forward(self, values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """`values` (batch, electrodes, all bands) and `mask` (batch, electrodes; 0 is absent) → two (batch, 1).

        What stands at an absent electrode makes no difference.
        """
        tokens = self.dropout(self.embedding(self.scaled(values)) + self.mixture @ self.identity)
        hidden = ((1 - mask) * _MASKED)[:, None, None, :]
        for block in self.blocks:
            tokens = block(tokens, hidden)
        count = mask.sum(1, keepdim=True).clamp(min=1.0)
        pooled = self.norm((tokens * mask[:, :, None]).sum(1) / count)
        # What it learns about its own errors must not change what it says.
        return self.head(pooled), self.spread(pooled.detach())

    def scaled(self, values: Tensor) -> Tensor:
        """The values of its bands in standard deviations of the rows that it was trained on."""
        inside: Tensor = ((values[:, :, self.bands] - self.centre) / self.scale).clamp(-_LARGEST_INPUT, _LARGEST_INPUT)
        return inside

    def on(self, electrodes: Sequence[str]) -> RBTransformer:
        """The same network for other electrodes, or for another order of them."""
        other = copy.deepcopy(self)
        other.mixture = _mixture(electrodes)
        return other


def _mixture(electrodes: Sequence[str]) -> Tensor:
    """How much of each site's embedding is in each electrode's, (electrodes, sites); rows sum to 1."""
    places, sites = (np.array([POSITIONS_MM[name] for name in names]) for names in (electrodes, SITES))
    squared = ((places[:, None, :] - sites[None, :, :]) ** 2).sum(2)
    # The nearest site's exponent is 0, so that one far from all has its nearest's embedding, and no 0/0.
    weights = np.exp(-(squared - squared.min(1, keepdims=True)) / (2 * _NEAR_MM**2))
    return torch.tensor(weights / weights.sum(1, keepdims=True), dtype=torch.float32)
