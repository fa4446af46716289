"""One tick's fusion: from the experts' opinions to the values of one score."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np

from streamsense.arrays import Float32Array, FloatArray
from streamsense.fusion.ambivalence import AmbivalenceSettings, AmbivalenceState, Head, Parts, step_ambivalence
from streamsense.fusion.bivalence import activation, pooled
from streamsense.fusion.conflict import PAIRS, ConflictSettings, ConflictState, Stand, step_conflict
from streamsense.fusion.dynamics import DynamicsSettings, DynamicsState, step_dynamics
from streamsense.fusion.emotions import DIMENSIONS, EMOTIONS, PRIOR_SD
from streamsense.fusion.hesitancy import NAMES as CUE_NAMES
from streamsense.fusion.hesitancy import (
    HesitancyCues,
    HesitancySettings,
    HesitancyState,
    less_what_sadness_explains,
    over_what_is_felt,
)
from streamsense.fusion.mixture import with_vote
from streamsense.fusion.weighting import CONTRADICTION_MEMORY_S, EMOTION_PRIOR, LOG_VARIANCE_RANGE
from streamsense.models.expert import Expert, ExpertOutput
from streamsense.models.session import NonFiniteOutputError
from streamsense.profile import Part, numbers, table
from streamsense.score import AGE_UNKNOWN_S, SCORE_LABELS
from streamsense.streams import MODALITIES, Feature, Modality
from streamsense.ticks import HOP_S

_HABITUAL, _USUAL_CUES = "habitual_discord", "usual_cues"
_LEAST_LOG_VARIANCE, _MOST_LOG_VARIANCE = LOG_VARIANCE_RANGE
_VALUES: Final = len(SCORE_LABELS) - 1
_PAIR_NAMES = tuple(f"{MODALITIES[one]}_{MODALITIES[other]}" for one, other in PAIRS)
_OF_OPINIONS: Final = (
    "vad_mean", "vad_log_variance", "emotion_logits", "vad_evidence", "emotion_evidence",
    "presence", "quality", "age_s",
)  # fmt: skip
INPUTS: Final = (*_OF_OPINIONS, "contradiction_before", "newness")
"""What a fusion model takes: an opinion's fields for all of MODALITIES, and what is remembered of a contradiction."""
OUTPUTS: Final = {"vad": 3, "vad_sd": 3, "emotion_probabilities": 8, "weight": 3, "confidence": 1, "contradiction": 3}
"""What a fusion model gives at least, and how many numbers each holds; what else it gives is not looked at."""

_NOTHING_KNOWN: Final[Mapping[str, FloatArray]] = {
    "vad": np.zeros(len(DIMENSIONS)), "vad_sd": np.full(len(DIMENSIONS), PRIOR_SD),
    "emotion_probabilities": np.array(EMOTION_PRIOR), "weight": np.zeros(len(MODALITIES)), "confidence": np.zeros(1),
    "contradiction": np.zeros(len(DIMENSIONS)),
}  # fmt: skip
_ENDS: Final = dict(zip(OUTPUTS, np.cumsum(list(OUTPUTS.values())).tolist(), strict=True))
_PLACES: Final = {name: slice(end - OUTPUTS[name], end) for name, end in _ENDS.items()}
"""Where each output lies when all are one behind the other."""
_LEAST, _MOST = np.zeros(sum(OUTPUTS.values())), np.ones(sum(OUTPUTS.values()))
_LEAST[_PLACES["vad"]] = -1.0


class FusionModel(Protocol):
    """What combines the experts: an ONNX graph, or the formulas of the shipped one."""

    def run(self, inputs: Mapping[str, Float32Array]) -> Mapping[str, Float32Array | FloatArray]:
        """Outputs by name for inputs by name, both without a batch axis."""
        ...


@dataclass(frozen=True)
class FusionSettings:
    """How the state follows, what is a conflict, and how ambivalence is scored."""

    dynamics: DynamicsSettings = field(default_factory=DynamicsSettings)
    conflict: ConflictSettings = field(default_factory=ConflictSettings)
    hesitancy: HesitancySettings = field(default_factory=HesitancySettings)
    ambivalence: AmbivalenceSettings = field(default_factory=AmbivalenceSettings)


@dataclass
class FusionState:
    """What fusion carries from tick to tick."""

    hesitancy: HesitancyState
    dynamics: DynamicsState = field(default_factory=DynamicsState.new)
    conflict: ConflictState = field(default_factory=ConflictState)
    ambivalence: AmbivalenceState = field(default_factory=AmbivalenceState)
    contradiction: FloatArray = field(default_factory=lambda: np.zeros(len(DIMENSIONS)))
    tick_time: float = math.nan


@dataclass(frozen=True, eq=False)
class Opinion:
    """What one modality has to say at a tick. Without presence the means are the prior's.

    `presence` and `quality` are limited to [0, 1], `age_s` to what an age that nobody knows is given as.
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

    def __post_init__(self) -> None:
        # Published as they are; what models take beside them they limit for themselves.
        for name, most in (("presence", 1.0), ("quality", 1.0), ("age_s", AGE_UNKNOWN_S)):
            if not 0 <= (value := getattr(self, name)) <= most:
                object.__setattr__(self, name, min(most, max(0.0, value)))

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


def opinion_of(expert: Expert, feature: Feature, output: ExpertOutput, age_s: float) -> Opinion:
    """What fusion is told of an expert's output for a window whose newest sample is `age_s` old."""
    return Opinion(
        output.vad_mean, output.vad_log_variance, output.emotion_logits,
        expert.vad_evidence, expert.emotion_evidence, 1.0, feature.evidence, age_s, feature.cues,
        feature.effective_time,
    )  # fmt: skip


class Fusion:
    """Combination by the model, then ambivalence and the smoothed state, tick by tick."""

    def __init__(
        self, model: FusionModel, settings: FusionSettings | None = None, ambivalence_head: Head | None = None
    ) -> None:
        self._model = model
        self._head = ambivalence_head
        self.settings = settings or FusionSettings()
        self._cues = HesitancyCues(self.settings.hesitancy)
        self.state = FusionState(self._cues.new_state())
        self._before, self._newness = np.zeros(len(DIMENSIONS)), np.ones(len(DIMENSIONS))
        _use_once()
        self.failure = ""
        """Why what was combined last is the prior; empty where the model gave an answer."""
        self.parts: Parts | None = None
        """What ambivalence was made of at the last tick, for those who ask why."""

    @property
    def cues(self) -> dict[str, float]:
        """How far each cue of hesitancy counted at the last tick, 0 to 1."""
        return {} if self.parts is None else dict(zip(CUE_NAMES, self.parts.cues.tolist(), strict=True))

    def learned(self) -> dict[str, object] | None:
        """The person's habitual discord and usual cues, for a profile; None before anything is known of them."""
        habitual = zip(_PAIR_NAMES, self.state.conflict.habitual.tolist(), strict=True)
        known = {name: value for name, value in habitual if not math.isnan(value)}
        cues = self._cues.learned(self.state.hesitancy)
        return {_HABITUAL: known, _USUAL_CUES: cues} if known or cues else None

    def use_profile(self, part: Part | None) -> tuple[str, ...]:
        """Keep what a profile says from now on; None: learn it. Raises ConfigError if unfit."""
        if part is not None:
            given = table(part, _HABITUAL)
            known = [float(numbers(given, name, 1)[0]) if name in given else math.nan for name in _PAIR_NAMES]
            # Profiles that were made before cues had a usual level have none.
            self._cues.use_usual(self.state.hesitancy, table(part, _USUAL_CUES) if _USUAL_CUES in part else {})
            self.state.conflict.habitual = np.array(known)
        else:
            self._cues.use_usual(self.state.hesitancy, None)
        self.state.conflict.is_learning = part is None
        return ()

    def learn_anew(self) -> None:
        """Forget the habitual discord and the usual cues, and learn them from the next tick on."""
        self.state.conflict.habitual = np.full(len(_PAIR_NAMES), math.nan)
        self.state.conflict.is_learning = True
        self.state.hesitancy = self._cues.new_state()

    def freeze(self) -> None:
        """Keep the habitual discord and the usual cues as they are."""
        self.state.conflict.is_learning = self.state.hesitancy.is_learning = False

    def inputs(self, opinions: Mapping[Modality, Opinion]) -> dict[str, Float32Array]:
        """What the model is given: the opinions, and what was remembered before the last step."""
        rows = [opinions[modality] for modality in MODALITIES]
        given = {name: np.array([getattr(row, name) for row in rows], dtype=np.float32) for name in _OF_OPINIONS}
        remembered = {"contradiction_before": self._before, "newness": self._newness}
        return given | {name: value.astype(np.float32) for name, value in remembered.items()}

    def combine(self, opinions: Mapping[Modality, Opinion]) -> dict[str, FloatArray]:
        """What the model makes of the opinions, by the names of its outputs, within their ranges; the state stays.

        Where that is not finite, nothing is known, and `failure` says why. In `emotion_probabilities` are also the
        votes of experts that know dimensions and no emotions.
        """
        rows = [opinions[modality] for modality in MODALITIES]
        try:
            outputs, self.failure = self._model.run(self.inputs(opinions)), ""
        except NonFiniteOutputError as error:
            outputs, self.failure = _NOTHING_KNOWN, str(error)
        # Anybody's model can take the place of ours, and its contract names ranges that nobody has checked.
        all_of_it = np.concatenate([outputs[name] for name in OUTPUTS], dtype=np.float64)
        limited = np.minimum(np.maximum(all_of_it, _LEAST), _MOST)
        out = {name: limited[place] for name, place in _PLACES.items()}
        out["emotion_probabilities"] = _with_votes_of_dimensions(out["emotion_probabilities"], rows, out["weight"])
        return out

    def step(
        self, opinions: Mapping[Modality, Opinion], tick_time: float, language: Mapping[str, float] | None = None
    ) -> FloatArray:
        """The values of one score, without the tick's number, in the order of SCORE_LABELS.

        `language` are the cues of recognised words, which are heard beside the modalities and never in their place.
        """
        self._remember(tick_time)
        rows, out = [opinions[modality] for modality in MODALITIES], self.combine(opinions)
        self.state.contradiction = out["contradiction"]
        mean, sd = out["vad"], out["vad_sd"]
        discord = step_conflict(self.state.conflict, self.settings.conflict, [stand(row) for row in rows], tick_time)
        parts = self.parts = self._parts(opinions, discord, out["emotion_probabilities"], tick_time, language or {})
        ambivalence = step_ambivalence(self.state.ambivalence, self.settings.ambivalence, parts, tick_time, self._head)
        step_dynamics(self.state.dynamics, self.settings.dynamics, mean, sd, tick_time)
        smoothed, smoothed_sd = self.state.dynamics.mean, np.sqrt(self.state.dynamics.variance)
        values = np.empty(_VALUES)
        values[0:6:2], values[1:6:2], values[6:12:2], values[7:12:2] = mean, sd, smoothed, smoothed_sd
        values[12:20] = out["emotion_probabilities"]
        rest = [ambivalence, parts.discord, parts.bivalence, parts.hesitancy, *out["confidence"].tolist()]
        for row, share in zip(rows, out["weight"].tolist(), strict=True):
            rest += (row.presence, row.quality, share, row.age_s)
        values[20:] = rest
        return values

    def _remember(self, tick_time: float) -> None:
        """Make what was remembered up to now what was before this tick."""
        state = self.state
        elapsed_s = math.inf if math.isnan(state.tick_time) else max(0.0, tick_time - state.tick_time)
        self._newness = np.array(
            [-math.expm1(-elapsed_s / time_s) if time_s else 1.0 for time_s in CONTRADICTION_MEMORY_S]
        )
        self._before, state.tick_time = state.contradiction, tick_time

    def _parts(
        self,
        opinions: Mapping[Modality, Opinion],
        discord: float,
        probabilities: FloatArray,
        tick_time: float,
        language: Mapping[str, float],
    ) -> Parts:
        """What ambivalence is made of at a tick."""
        evidence = {modality: row.presence * row.quality for modality, row in opinions.items()}
        cues: dict[str, float] = {}
        for row in opinions.values():
            if row.presence:
                cues.update(row.cues)
        felt = {name: _felt(row) for name, row in opinions.items() if _knows_valence(row)}
        beliefs = {name: evidence[name] for name in felt}
        cues = over_what_is_felt(cues, pooled(felt, {name: beliefs[name] for name in felt if name != "face"})[1])
        counts = self._cues.step(self.state.hesitancy, {**cues, **language}, evidence, tick_time)
        counts = less_what_sadness_explains(counts, probabilities)
        positive, negative = pooled(felt, beliefs)
        return Parts(discord, positive, negative, counts, max(evidence.values(), default=0.0))


def _use_once() -> None:
    """All that is compiled, so that nothing is while a session is live; what experts have evidence for is read-only."""
    step_conflict(ConflictState(), ConflictSettings(), [Stand(-1.0, 1.0, 1.0, 0.0), Stand(1.0, 1.0, 1.0, 0.0), None], 0)
    zeros, state = np.zeros(len(DIMENSIONS)), DynamicsState.new()
    for tick_time in (0.0, HOP_S):
        step_dynamics(state, DynamicsSettings(), zeros, zeros, tick_time)
    cues = HesitancyCues()
    cues.step(cues.new_state(), {}, {}, 0.0)
    for is_writable in (True, False):
        dimensions, emotions = np.ones(len(DIMENSIONS)), np.ones(len(EMOTIONS))
        dimensions.flags.writeable = emotions.flags.writeable = is_writable
        activation(0.0, np.zeros(len(EMOTIONS)), emotions)
        with_vote(np.ones(len(EMOTIONS)), zeros, zeros, dimensions, 1.0)


def _knows_valence(row: Opinion) -> bool:
    return row.presence > 0 and (float(row.vad_evidence[0]) > 0 or _knows_emotions(row))


def _knows_emotions(row: Opinion) -> bool:
    return any(row.emotion_evidence.tolist())


def _felt(row: Opinion) -> tuple[float, float]:
    return activation(float(row.vad_mean[0]), row.emotion_logits, row.emotion_evidence)


def _with_votes_of_dimensions(probabilities: FloatArray, rows: Sequence[Opinion], weight: FloatArray) -> FloatArray:
    """The mixture (8,) with the votes of those experts that know dimensions and no emotions, by their weight."""
    for row, share in zip(rows, weight.tolist(), strict=True):
        if share > 0 and not _knows_emotions(row) and any(row.vad_evidence.tolist()):
            probabilities = with_vote(probabilities, row.vad_mean, row.vad_log_variance, row.vad_evidence, share)
    return probabilities


def stand(row: Opinion) -> Stand | None:
    """Where a modality stands in valence; None where it has nothing to say of it, or nobody knows of when."""
    belief = row.presence * row.quality * float(row.vad_evidence[0])
    if belief <= 0 or not math.isfinite(row.effective_time):
        return None
    valence = min(1.0, max(-1.0, float(row.vad_mean[0])))
    log_variance = min(_MOST_LOG_VARIANCE, max(_LEAST_LOG_VARIANCE, float(row.vad_log_variance[0])))
    return Stand(valence, math.exp(log_variance), belief, row.effective_time)
