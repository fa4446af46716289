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
from streamsense.fusion.emotions import DIMENSIONS, PRIOR_SD
from streamsense.streams import MODALITIES

OUTPUTS: Final = ("vad", "vad_sd", "emotion_probabilities", "weight", "confidence", "contradiction")
LARGEST_GATE: Final = 3.0
"""The gate's logits stay within ±this: one expert can be discounted to e^-6 of another, and no further."""
_SEEN = 3 + 2 * len(DIMENSIONS)
_PAIRS = ([0, 0, 1], [1, 2, 2])
_LEAST_RELIABILITY = 1e-6
_LEAST_BASE = 1e-12
"""A root of 0 has no gradient."""


class FusionInputs(NamedTuple):
    """What fusion is given at a tick, with a batch axis: (batch, 3, 3), (batch, 3, 8) and (batch, 3).

    `newness` of 1 is a tick by itself: nothing counts of the contradiction before.
    """

    vad_mean: Tensor
    vad_log_variance: Tensor
    emotion_logits: Tensor
    vad_evidence: Tensor
    emotion_evidence: Tensor
    presence: Tensor
    quality: Tensor
    age_s: Tensor
    contradiction_before: Tensor
    newness: Tensor

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
            self.contradiction_before.clamp(0.0, 1.0),
            self.newness.clamp(0.0, 1.0),
        )


class Fused(NamedTuple):
    """OUTPUTS in their order: (batch, 3), (batch, 3), (batch, 8), (batch, 3), (batch, 1) and (batch, 3)."""

    vad: Tensor
    vad_sd: Tensor
    emotion_probabilities: Tensor
    weight: Tensor
    confidence: Tensor
    contradiction: Tensor


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
        contradiction_before: Tensor,
        newness: Tensor,
    ) -> Fused:
        """The inputs of `FusionInputs`, in its order."""
        given = FusionInputs(
            vad_mean, vad_log_variance, emotion_logits, vad_evidence, emotion_evidence, presence, quality, age_s,
            contradiction_before, newness,
        ).limited()  # fmt: skip
        heard = reliability(given)
        believed = heard[:, :, None] * given.vad_evidence
        # As in the shipped graph, places and variances are in units of the prior.
        mean, variance = given.vad_mean / PRIOR_SD, given.vad_log_variance.exp() * rule.PRIOR_PRECISION
        differs, contradiction, agreement = _sides(mean, variance, believed)
        trust = _trust(self.gate(given, differs, believed), heard)

        precision = believed / variance
        pool = heard * given.emotion_evidence.amax(2)
        counts = precision.sum(2) + pool
        _, untrained, _ = _capped(counts, torch.ones_like(trust), contradiction)
        trust, kept, weight = _capped(counts, trust, contradiction)
        # To trust one less must not make the whole surer. An expert has the prior in it: it is taken out of each that
        # was fitted apart, and counted once.
        narrowing = rule.NARROWING * (1 + agreement * agreement.new_tensor(rule.NARROWING_IN_AGREEMENT))
        of_each = narrowing * ((precision - believed).clamp(min=0.0) * trust[:, :, None]).sum(1)
        of_all = ((precision * trust[:, :, None]).sum(1) - believed.amax(1)).clamp(min=0.0)
        total = 1 + of_all + self.fitted_apart * (of_each - of_all)
        agreed = torch.exp(-torch.log(total) * self.slope)
        pooled = _linear_pool(believed, mean, variance)
        remembered = given.contradiction_before + given.newness * (contradiction - given.contradiction_before)
        _, spread = _mixed((_precision_weighted(precision, believed, mean, untrained), agreed), pooled, remembered)
        trusted = _linear_pool(believed * trust[:, :, None], mean, variance)
        middle, _ = _mixed((_precision_weighted(precision, believed, mean, kept), agreed), trusted, remembered)
        return Fused(
            (middle * PRIOR_SD).clamp(-1.0, 1.0),
            spread.clamp(max=rule.PRIOR_PRECISION).sqrt() * PRIOR_SD,
            _pooled_emotions(given.emotion_logits, given.emotion_evidence, pool * kept, self.temperature),
            weight,
            (1 - spread).clamp(min=0.0).mean(1, keepdim=True),
            remembered,
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
        mean, variance = given.vad_mean / PRIOR_SD, given.vad_log_variance.exp() * rule.PRIOR_PRECISION
        differs, _, _ = _sides(mean, variance, believed)
        gated = heard * self.gate(given, differs, believed).exp()
        return tuple(part / part.sum(1, keepdim=True).clamp(min=_LEAST_RELIABILITY) for part in (gated, heard))  # type: ignore[return-value]


def _precision_weighted(precision: Tensor, believed: Tensor, mean: Tensor, kept: Tensor) -> Tensor:
    """The mean (batch, 3) where all speak of the same thing; the prior counts as far as nobody is heard."""
    left = 1 - torch.minimum(believed, precision)
    unheard = left[:, 0] * left[:, 1] * left[:, 2]
    counted = precision * kept[:, :, None]
    return (counted * mean).sum(1) / (counted.sum(1) + unheard)


def _linear_pool(believed: Tensor, mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance (batch, 3) where they speak of different things: any may be right, or none (the prior)."""
    votes = believed.sum(1) + rule.PRIOR_VOTES
    middle = (believed * mean).sum(1) / votes
    squares = (believed * (variance.clamp(max=rule.PRIOR_PRECISION) + mean**2)).sum(1) + rule.PRIOR_VOTES
    return middle, squares / votes - middle**2


def _mixed(one: tuple[Tensor, Tensor], other: tuple[Tensor, Tensor], contradiction: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance between the two, nearer to the other the more `contradiction` (batch, 3) there is."""
    some, none = contradiction.clamp(min=_LEAST_BASE), torch.zeros_like(contradiction)
    of_mean, of_spread = (
        torch.where(contradiction > 0, some ** some.new_tensor(power), none)
        for power in (rule.SHARE_OF_MEAN, rule.SHARE_OF_SPREAD)
    )
    apart = other[0] - one[0]
    between = of_mean * (1 - of_mean) * apart**2
    return one[0] + of_mean * apart, one[1] + of_spread * (other[1] - one[1]) + between


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


def _sides(mean: Tensor, variance: Tensor, believed: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """How surely each pair says opposite things (batch, 3, 3); contradiction and agreement per dimension (batch, 3)."""
    (one, other), (spread_one, spread_other), (weight_one, weight_other) = (
        (value[:, _PAIRS[0]], value[:, _PAIRS[1]]) for value in (mean, variance, believed)
    )
    spread = spread_one + spread_other + rule.DISCORD_SD**2 * rule.PRIOR_PRECISION
    product = 2 * rule.CONTRADICTION_SHARPNESS * one * other / spread
    opposite, same = (1 - torch.exp(value.clamp(max=0.0)) for value in (product, -product))
    weight = weight_one * weight_other
    whole = weight.sum(1) + rule.DISCORD_EPSILON
    return opposite, (weight * opposite).sum(1) / whole, (weight * same).sum(1) / whole


def _apart(differs: Tensor, believed: Tensor) -> Tensor:
    """How far each modality is from the others that are heard, (batch, 3, 3) in [0, 1)."""
    parts = []
    for at in range(len(MODALITIES)):
        others = [pair for pair in range(3) if at in (_PAIRS[0][pair], _PAIRS[1][pair])]
        weight = torch.stack([believed[:, _PAIRS[0][p] + _PAIRS[1][p] - at] for p in others], dim=1)
        parts.append((weight * differs[:, others]).sum(1) / (weight.sum(1) + rule.DISCORD_EPSILON))
    return torch.stack(parts, dim=1)


def _capped(counts: Tensor, trust: Tensor, contradiction: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The trust that is left, by which factor each modality counts, and each one's share of the whole; all (batch, 3).

    `counts` (batch, 3) is how much each would count by its reliability and precision alone. In conflict no share is
    above the cap, whatever the gate says: first the discounted count more again, then the leading one is held back.
    """
    ramp = (contradiction.amax(1, keepdim=True) - rule.CONFLICT_FROM) / (rule.CONFLICT_FULLY - rule.CONFLICT_FROM)
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
    return trust, trust * kept, torch.where(total > rule.NEGLIGIBLE, share, torch.zeros_like(share))


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
