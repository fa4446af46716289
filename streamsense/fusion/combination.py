"""One tick's fusion: from the experts' opinions to the values of one score."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from streamsense.arrays import Float32Array, FloatArray
from streamsense.fusion.ambivalence import AmbivalenceSettings, AmbivalenceState, step_ambivalence
from streamsense.fusion.conflict import PAIRS, ConflictSettings, ConflictState, Stand, step_conflict
from streamsense.fusion.dynamics import DynamicsSettings, DynamicsState, step_dynamics
from streamsense.fusion.emotions import DIMENSIONS, EMOTIONS, PRIOR_SD
from streamsense.fusion.mixture import mixed, vad_logits
from streamsense.profile import Part, numbers, table
from streamsense.score import AGE_UNKNOWN_S
from streamsense.streams import MODALITIES, Modality

_HABITUAL = "habitual_discord"
_PAIR_NAMES = tuple(f"{MODALITIES[one]}_{MODALITIES[other]}" for one, other in PAIRS)


class FusionModel(Protocol):
    """The ONNX graph that combines the experts."""

    def run(self, inputs: Mapping[str, Float32Array]) -> dict[str, Float32Array]:
        """Outputs by name for inputs by name, both without a batch axis."""
        ...


@dataclass(frozen=True)
class FusionSettings:
    """How the state follows, what is a conflict, and how ambivalence is scored."""

    dynamics: DynamicsSettings = field(default_factory=DynamicsSettings)
    conflict: ConflictSettings = field(default_factory=ConflictSettings)
    ambivalence: AmbivalenceSettings = field(default_factory=AmbivalenceSettings)


@dataclass
class FusionState:
    """What fusion carries from tick to tick."""

    dynamics: DynamicsState = field(default_factory=DynamicsState.new)
    conflict: ConflictState = field(default_factory=ConflictState)
    ambivalence: AmbivalenceState = field(default_factory=AmbivalenceState)


@dataclass(frozen=True, eq=False)
class Opinion:
    """What one modality has to say at a tick. Without presence the means are the prior's.

    `effective_time` is the instant (s) that it stands for, which lies some way back in its window.
    """

    vad_mean: FloatArray
    vad_log_variance: FloatArray
    emotion_logits: FloatArray
    vad_evidence: FloatArray
    emotion_evidence: FloatArray
    presence: float
    quality: float
    age_s: float
    cues: dict[str, float]
    effective_time: float

    @staticmethod
    def absent(age_s: float = AGE_UNKNOWN_S) -> Opinion:
        """The opinion of a modality that is not there: the prior, and no evidence."""
        return Opinion(
            vad_mean=np.zeros(len(DIMENSIONS)),
            vad_log_variance=np.full(len(DIMENSIONS), 2 * math.log(PRIOR_SD)),
            emotion_logits=np.zeros(len(EMOTIONS)),
            vad_evidence=np.zeros(len(DIMENSIONS)),
            emotion_evidence=np.zeros(len(EMOTIONS)),
            presence=0.0,
            quality=0.0,
            age_s=age_s,
            cues={},
            effective_time=math.nan,
        )


class Fusion:
    """Combination by the model, then ambivalence and the smoothed state, tick by tick."""

    def __init__(self, model: FusionModel, settings: FusionSettings | None = None) -> None:
        self._model = model
        self.settings = settings or FusionSettings()
        self.state = FusionState()

    def learned(self) -> dict[str, object] | None:
        """The person's habitual discord, for a profile; None before two modalities could be compared."""
        habitual = zip(_PAIR_NAMES, self.state.conflict.habitual.tolist(), strict=True)
        known = {name: value for name, value in habitual if not math.isnan(value)}
        return {_HABITUAL: known} if known else None

    def use_profile(self, part: Part | None) -> tuple[str, ...]:
        """Keep a profile's habitual discord from now on; None: learn it. Raises ConfigError if unfit."""
        if part is not None:
            given = table(part, _HABITUAL)
            known = [float(numbers(given, name, 1)[0]) if name in given else math.nan for name in _PAIR_NAMES]
            self.state.conflict.habitual = np.array(known)
        self.state.conflict.is_learning = part is None
        return ()

    def learn_anew(self) -> None:
        """Forget the habitual discord, and learn it from the next tick on."""
        self.state.conflict.habitual = np.full(len(_PAIR_NAMES), math.nan)
        self.state.conflict.is_learning = True

    def freeze(self) -> None:
        """Keep the habitual discord as it is."""
        self.state.conflict.is_learning = False

    def combine(self, opinions: Mapping[Modality, Opinion]) -> dict[str, FloatArray]:
        """What the model makes of the opinions, by the names of its outputs; changes nothing.

        In `emotion_probabilities` are also the votes of experts that know dimensions and no emotions.
        """
        rows = [opinions[modality] for modality in MODALITIES]
        outputs = self._model.run(
            {
                name: np.array([getattr(row, name) for row in rows], dtype=np.float32)
                for name in (
                    "vad_mean", "vad_log_variance", "emotion_logits", "vad_evidence", "emotion_evidence",
                    "presence", "quality", "age_s",
                )
            }
        )  # fmt: skip
        out = {name: np.asarray(value, dtype=np.float64) for name, value in outputs.items()}
        out["emotion_probabilities"] = _with_votes_of_dimensions(out["emotion_probabilities"], rows, out["weight"])
        return out

    def step(self, opinions: Mapping[Modality, Opinion], tick_time: float) -> FloatArray:
        """The values of one score, without the tick's number, in the order of SCORE_LABELS."""
        rows, out = [opinions[modality] for modality in MODALITIES], self.combine(opinions)
        mean, sd, weight = out["vad"], out["vad_sd"], out["weight"]
        cues = {name: value for row in rows if row.presence for name, value in row.cues.items()}
        evidence = max((row.presence * row.quality for row in rows), default=0.0)
        discord = step_conflict(self.state.conflict, self.settings.conflict, [_stand(row) for row in rows], tick_time)
        ambivalence = step_ambivalence(
            self.state.ambivalence, self.settings.ambivalence,
            discord, float(out["bivalence"][0]), cues, evidence, tick_time,
        )  # fmt: skip
        step_dynamics(self.state.dynamics, self.settings.dynamics, mean, sd, tick_time)
        smoothed, smoothed_sd = self.state.dynamics.mean, np.sqrt(self.state.dynamics.variance)
        return np.array(
            [
                *np.stack([mean, sd], axis=1).ravel(),
                *np.stack([smoothed, smoothed_sd], axis=1).ravel(),
                *out["emotion_probabilities"],
                ambivalence.ambivalence, ambivalence.discord, ambivalence.bivalence, ambivalence.hesitancy,
                out["confidence"][0],
                *(
                    value
                    for row, share in zip(rows, weight, strict=True)
                    for value in (row.presence, row.quality, share, row.age_s)
                ),
            ]
        )  # fmt: skip


def _with_votes_of_dimensions(probabilities: FloatArray, rows: Sequence[Opinion], weight: FloatArray) -> FloatArray:
    """The mixture (8,) with the votes of those experts that know dimensions and no emotions, by their weight."""
    for row, share in zip(rows, weight.tolist(), strict=True):
        if share > 0 and row.vad_evidence.any() and not row.emotion_evidence.any():
            logits = vad_logits(row.vad_mean, np.exp(row.vad_log_variance), row.vad_evidence)
            probabilities = mixed(probabilities, logits, share)
    return probabilities


def _stand(row: Opinion) -> Stand | None:
    """Where a modality stands in valence; None where it has nothing to say of it."""
    belief = row.presence * row.quality * float(row.vad_evidence[0])
    if belief <= 0:
        return None
    return Stand(float(row.vad_mean[0]), math.exp(row.vad_log_variance[0]), belief, row.effective_time)
