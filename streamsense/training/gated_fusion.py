"""A trained gate on the precision weighting of the experts: which of them to discount, from how well each is heard.

It computes what the shipped fusion does (models_onnx/fusion_graph.py), with each expert's reliability multiplied by a
trust in (0, 1]. The gate sees qualities, ages, variances and how far the experts are apart, never what they say: so
it learns when to believe whom, and not what is felt (SCIENCE 3.3). Before training its trust is 1 everywhere.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import torch
from torch import Tensor, nn

from streamsense.fusion import weighting as rule
from streamsense.fusion.emotions import DIMENSIONS
from streamsense.streams import MODALITIES

OUTPUTS: Final = ("vad", "vad_sd", "emotion_probabilities", "weight", "confidence")
LARGEST_GATE: Final = 3.0
"""The gate's logits stay within ±this: one expert can be discounted to e^-6 of another, and no further."""
_SEEN = 3 + 2 * len(DIMENSIONS)
_PAIRS = ([0, 0, 1], [1, 2, 2])
_LEAST_RELIABILITY = 1e-6


class FusionInputs(NamedTuple):
    """What fusion is given at a tick, with a batch axis: (batch, 3, 3), (batch, 3, 8) and (batch, 3)."""

    vad_mean: Tensor
    vad_log_variance: Tensor
    emotion_logits: Tensor
    vad_evidence: Tensor
    emotion_evidence: Tensor
    presence: Tensor
    quality: Tensor
    age_s: Tensor

    def limited(self) -> FusionInputs:
        """Each number within its range."""
        return FusionInputs(
            self.vad_mean.clamp(-1.0, 1.0),
            self.vad_log_variance.clamp(*rule.LOG_VARIANCE_RANGE),
            self.emotion_logits.clamp(-rule.LOGIT_LIMIT, rule.LOGIT_LIMIT),
            self.vad_evidence.clamp(0.0, 1.0),
            self.emotion_evidence.clamp(0.0, 1.0),
            self.presence.clamp(0.0, 1.0),
            self.quality.clamp(0.0, 1.0),
            self.age_s.clamp(0.0, rule.LARGEST_AGE_S),
        )


class Fused(NamedTuple):
    """OUTPUTS in their order: (batch, 3), (batch, 3), (batch, 8), (batch, 3) and (batch, 1)."""

    vad: Tensor
    vad_sd: Tensor
    emotion_probabilities: Tensor
    weight: Tensor
    confidence: Tensor


class GatedFusion(nn.Module):
    """The fusion as the runtime feeds and reads it; finite and in range for every finite input.

    `fitted_apart` is 1 for experts that were fitted each by itself, as the shipped ones are: before training the gate
    then computes what the shipped fusion does. It is 0 for those that are fitted together with the gate, whose
    variances have learned to be added up. `temperature` divides what the experts say of the emotions, `slope` (3,)
    multiplies the logarithm of how much narrower than the prior the result is: both are 1 until `joint_calibration`
    fits them.
    """

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.gates = nn.ModuleList(
            nn.Sequential(nn.Linear(_SEEN, width), nn.GELU(), nn.Linear(width, 1)) for _ in MODALITIES
        )
        for gate in self.gates:
            nn.init.zeros_(gate[-1].weight)  # type: ignore[index]
            nn.init.zeros_(gate[-1].bias)  # type: ignore[index]
        self.fitted_apart: Tensor
        self.temperature: Tensor
        self.slope: Tensor
        self.register_buffer("fitted_apart", torch.zeros(1))
        self.register_buffer("temperature", torch.ones(1))
        self.register_buffer("slope", torch.ones(len(DIMENSIONS)))

    def forward(
        self,
        vad_mean: Tensor,
        vad_log_variance: Tensor,
        emotion_logits: Tensor,
        vad_evidence: Tensor,
        emotion_evidence: Tensor,
        presence: Tensor,
        quality: Tensor,
        age_s: Tensor,
    ) -> Fused:
        """The inputs of `FusionInputs`, in its order."""
        given = FusionInputs(
            vad_mean, vad_log_variance, emotion_logits, vad_evidence, emotion_evidence, presence, quality, age_s
        ).limited()
        heard = reliability(given)
        believed = heard[:, :, None] * given.vad_evidence
        differs, disagreement = _disagreement(given.vad_mean, given.vad_log_variance.exp(), believed)
        trust = _trust(self.gate(given, differs, believed), heard)

        precision = believed * torch.exp(-given.vad_log_variance)
        pool = heard * given.emotion_evidence.amax(2)
        kept, weight = _capped(precision.sum(2) / rule.PRIOR_PRECISION + pool, trust, disagreement)
        prior_share = _prior_share(precision, believed, disagreement)
        # By what the experts say of themselves: to trust one less must not make the whole surer.
        between = _between(precision * _evened(precision, disagreement), given.vad_mean)
        factor = kept[:, :, None] * _evened(precision * kept[:, :, None], disagreement)
        precision, pool = precision * factor, pool * kept

        # What an expert says has the prior in it. It is taken out of each that was fitted apart, and counted once.
        prior = believed * rule.PRIOR_PRECISION
        of_each = (precision - prior * factor).clamp(min=0.0).sum(1)
        of_all = (precision.sum(1) - prior.amax(1)).clamp(min=0.0)
        total = of_all + self.fitted_apart * (of_each - of_all) + rule.PRIOR_PRECISION
        excess = (disagreement - rule.DISAGREEMENT_BY_CHANCE).clamp(min=0.0) / (1 - rule.DISAGREEMENT_BY_CHANCE)
        narrowed = torch.log((excess + 1) * rule.PRIOR_PRECISION / total)
        ratio = torch.exp(narrowed.clamp(max=0.0) * self.slope + narrowed.clamp(min=0.0))
        ratio = ratio + between * rule.PRIOR_PRECISION
        known = (1 - ratio).clamp(0.0, 1.0)
        return Fused(
            (precision * given.vad_mean).sum(1) / (precision.sum(1) + prior_share * rule.PRIOR_PRECISION),
            torch.sqrt(ratio / rule.PRIOR_PRECISION),
            _pooled_emotions(given.emotion_logits, given.emotion_evidence, pool, self.temperature),
            weight,
            known.mean(1, keepdim=True),
        )

    def gate(self, given: FusionInputs, differs: Tensor, believed: Tensor) -> Tensor:
        """The gate's logits (batch, 3) for limited inputs; `differs` (batch, 3 pairs, 3) is in [0, 1)."""
        apart = _apart(differs, believed)
        low, high = rule.LOG_VARIANCE_RANGE
        spread = (2 * given.vad_log_variance - (low + high)) / (high - low)
        quality, freshness, presence = (
            value[:, :, None] for value in (given.quality, _freshness(given), given.presence)
        )
        seen = torch.cat([quality, freshness, presence, spread, apart], dim=2)
        raw = torch.cat([gate(seen[:, at]) for at, gate in enumerate(self.gates)], dim=1)
        return LARGEST_GATE * torch.tanh(raw / LARGEST_GATE)

    def shares(self, inputs: FusionInputs) -> tuple[Tensor, Tensor]:
        """How the gate shares reliability out, and how it stood before; both (batch, 3), each row sums to 1 or 0."""
        given = inputs.limited()
        heard = reliability(given)
        believed = heard[:, :, None] * given.vad_evidence
        differs, _ = _disagreement(given.vad_mean, given.vad_log_variance.exp(), believed)
        gated = heard * self.gate(given, differs, believed).exp()
        return tuple(part / part.sum(1, keepdim=True).clamp(min=_LEAST_RELIABILITY) for part in (gated, heard))  # type: ignore[return-value]


def _prior_share(precision: Tensor, believed: Tensor, disagreement: Tensor) -> Tensor:
    """How much of the prior counts in the mean (batch, 3): as far as nobody is heard, or those heard contradict."""
    heard = torch.minimum(believed, precision / rule.PRIOR_PRECISION)
    unheard = (1 - heard[:, 0]) * (1 - heard[:, 1]) * (1 - heard[:, 2])
    return 1 - (1 - unheard) * (1 - disagreement**2)


def _evened(precision: Tensor, disagreement: Tensor) -> Tensor:
    """The factor (batch, 3 modalities, 3 dimensions) that keeps each modality within the cap in each dimension."""
    ramp = (disagreement - rule.CONFLICT_FROM) / (rule.CONFLICT_FULLY - rule.CONFLICT_FROM)
    for_others = (ramp.clamp(0.0, 1.0) * (1 - rule.CAP_IN_CONFLICT))[:, None]
    others = precision.sum(1, keepdim=True) - precision
    held = (1 - for_others) / for_others.clamp(min=rule.NEGLIGIBLE) * others / precision.clamp(min=rule.NEGLIGIBLE)
    return torch.where(for_others > 0, held.clamp(max=1.0), torch.ones_like(held))


def _between(precision: Tensor, mean: Tensor) -> Tensor:
    """Variance of what the experts say about their weighted mean (batch, 3): in a conflict either may be right."""
    share = precision / precision.sum(1, keepdim=True).clamp(min=rule.NEGLIGIBLE)
    middle = (share * mean).sum(1, keepdim=True)
    return (share * (mean - middle) ** 2).sum(1)


def reliability(given: FusionInputs) -> Tensor:
    """How far each modality counts by presence, quality and age, (batch, 3) in [0, 1]."""
    return given.presence * given.quality * _freshness(given)


def _freshness(given: FusionInputs) -> Tensor:
    stale = (given.age_s - rule.FRESH_S).clamp(min=0.0)
    return torch.exp(-stale / given.age_s.new_tensor(rule.AGE_TIME_CONSTANTS_S))


def _trust(gate: Tensor, heard: Tensor) -> Tensor:
    """A softmax over those who are heard, scaled so that equal logits, or one modality alone, give 1; never above 1.

    So the gate discounts and never makes surer than the experts say; a modality that fades leaves it smoothly.
    """
    raised = gate.exp()
    usual = heard.sum(1, keepdim=True) + _LEAST_RELIABILITY
    return (raised * usual / ((heard * raised).sum(1, keepdim=True) + _LEAST_RELIABILITY)).clamp(max=1.0)


def _disagreement(mean: Tensor, variance: Tensor, believed: Tensor) -> tuple[Tensor, Tensor]:
    """How much each pair differs (batch, 3, 3), and disagreement per dimension (batch, 3)."""
    (one, other), (spread_one, spread_other), (weight_one, weight_other) = (
        (value[:, _PAIRS[0]], value[:, _PAIRS[1]]) for value in (mean, variance, believed)
    )
    square = (one - other) ** 2 / (spread_one + spread_other + rule.DISCORD_SD**2)
    differs = 1 - torch.exp(-0.5 * square)
    weight = weight_one * weight_other
    whole = weight.sum(1) + rule.DISCORD_EPSILON
    return differs, (weight * differs).sum(1) / whole


def _apart(differs: Tensor, believed: Tensor) -> Tensor:
    """How far each modality is from the others that are heard, (batch, 3, 3) in [0, 1)."""
    parts = []
    for at in range(len(MODALITIES)):
        others = [pair for pair in range(3) if at in (_PAIRS[0][pair], _PAIRS[1][pair])]
        weight = torch.stack([believed[:, _PAIRS[0][p] + _PAIRS[1][p] - at] for p in others], dim=1)
        parts.append((weight * differs[:, others]).sum(1) / (weight.sum(1) + rule.DISCORD_EPSILON))
    return torch.stack(parts, dim=1)


def _capped(counts: Tensor, trust: Tensor, disagreement: Tensor) -> tuple[Tensor, Tensor]:
    """By which factor each modality counts, and each one's share of the whole then; both (batch, 3).

    `counts` (batch, 3) is how much each would count by its reliability and precision alone. In conflict no share is
    above the cap, whatever the gate says: first the discounted count more again, then the leading one is held back.
    """
    ramp = (disagreement.amax(1, keepdim=True) - rule.CONFLICT_FROM) / (rule.CONFLICT_FULLY - rule.CONFLICT_FROM)
    for_others = ramp.clamp(0.0, 1.0) * (1 - rule.CAP_IN_CONFLICT)
    lacking = counts * trust * for_others / (1 - for_others) - _others(counts * trust)
    eased = (lacking / _others(counts * (1 - trust)).clamp(min=rule.NEGLIGIBLE)).clamp(0.0, 1.0).amax(1, keepdim=True)
    trust = trust + (1 - trust) * eased

    counts = counts * trust
    allowed = (1 - for_others) / for_others.clamp(min=rule.NEGLIGIBLE) * _others(counts)
    held = (allowed / counts.clamp(min=rule.NEGLIGIBLE)).clamp(max=1.0)
    kept = torch.where(for_others > 0, held, torch.ones_like(held))
    counts = counts * kept
    total = counts.sum(1, keepdim=True)
    share = counts / total.clamp(min=rule.NEGLIGIBLE)
    return trust * kept, torch.where(total > rule.NEGLIGIBLE, share, torch.zeros_like(share))


def _others(counts: Tensor) -> Tensor:
    """For each modality the sum of the other two, (batch, 3)."""
    one, two, three = counts.unbind(1)
    return torch.stack([two + three, one + three, one + two], dim=1)


def _pooled_emotions(logits: Tensor, evidence: Tensor, pool: Tensor, temperature: Tensor) -> Tensor:
    """Log-opinion pool with the prior (batch, 8); an emotion without evidence keeps its prior odds."""
    prior = logits.new_tensor(rule.EMOTION_PRIOR)
    mass = evidence * prior
    expected, known = (mass * logits.exp()).sum(2, keepdim=True), mass.sum(2, keepdim=True)
    level = torch.log(expected.clamp(min=rule.NEGLIGIBLE) / known.clamp(min=rule.NEGLIGIBLE))
    share = pool / pool.sum(1, keepdim=True).clamp(min=1.0)
    pooled = (share[:, :, None] * evidence * (logits - level)).sum(1)
    return torch.softmax(pooled / temperature + prior.log(), dim=1)
