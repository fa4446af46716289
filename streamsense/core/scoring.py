"""One tick's score: each modality's window, its expert's opinion, and what the fusion makes of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from streamsense.arrays import FloatArray
from streamsense.core.notices import Notices
from streamsense.core.pipeline_state import PipelineState
from streamsense.features.language_cues import LanguageCues
from streamsense.features.operator import FeatureOperator
from streamsense.fusion.combination import Fusion, Opinion, opinion_of
from streamsense.fusion.explanation_words import because
from streamsense.fusion.observations import observations, use_once
from streamsense.models.expert import Expert
from streamsense.quality_notices import QualityNotices
from streamsense.schedule import TimingSettings
from streamsense.score import AGE_UNKNOWN_S, EXPERT_CHANNELS, SCORE_LABELS, Notice, Plan, Score, StreamPlan
from streamsense.segments import SEGMENT_ON, Segments
from streamsense.streams import MODALITIES, Feature, Modality
from streamsense.ticks import TICKS_PER_SECOND, tick_time


class Scoring:
    """Scores ticks as they were planned, and tells who came, who went, and whose signal is bad.

    Of a modality without an expert only the windows are read. `quality` follows what is wrong with the signals,
    `segments` what is shown.
    """

    def __init__(
        self,
        operators: Mapping[Modality, FeatureOperator],
        experts: Mapping[Modality, Expert],
        fusion: Fusion,
        timing: TimingSettings,
        state: PipelineState,
        notices: Notices,
        language: LanguageCues | None = None,
    ) -> None:
        self.quality = QualityNotices()
        self.segments = Segments()
        self._operators = operators
        self._experts = experts
        self._fusion = fusion
        self._timing = timing
        self._state = state
        self._notices = notices
        self._language = language
        use_once()

    def score(self, plan: Plan) -> Score:
        """The score of a tick; its values are finite, else FloatingPointError is raised."""
        time = tick_time(plan.tick)
        opinions: dict[Modality, Opinion] = dict.fromkeys(MODALITIES, Opinion.absent())
        windows: dict[Modality, Feature] = {}
        features: dict[Modality, Feature] = {}
        for stream in plan.streams:
            window, age_s, counts = self._window(stream, plan.tick)
            if window is not None:
                windows[stream.modality] = window
            opinions[stream.modality] = Opinion.absent(age_s)
            if window is not None and counts:
                features[stream.modality] = window
                if stream.modality in self._experts:
                    opinions[stream.modality] = self._opinion(window, age_s, time)
        self._tell_presence(opinions, time)
        self._notices.extend(self.quality.step(windows, time))
        language = {} if self._language is None else self._language.cues_at(time)
        values = np.empty(len(SCORE_LABELS))
        values[:-1], values[-1] = self._fusion.step(opinions, time, language), plan.tick
        self._tell_failure("fusion", self._fusion.failure, time)
        experts = _expert_values(opinions)
        if not (np.isfinite(values).all() and np.isfinite(experts).all()):
            raise FloatingPointError(f"a score at tick {plan.tick} is not finite; this is a bug in streamsense")
        score = Score(plan.tick, time, values, experts, plan, features, windows, self._fusion.cues, language)
        self._notices.extend(with_reason(notice, score) for notice in self.segments.step(score))
        return score

    def _window(self, stream: StreamPlan, tick: int) -> tuple[Feature | None, float, bool]:
        """One modality's window at a tick, None before its stream's first sample; its age; whether it counts."""
        if stream.state == "absent":
            return None, AGE_UNKNOWN_S, False
        window_end = tick_time(tick - round(stream.shift_s * TICKS_PER_SECOND))
        window = self._operators[stream.modality].feature_at(window_end)
        if math.isnan(window.last_time):
            return window, AGE_UNKNOWN_S, False
        age_s = min(AGE_UNKNOWN_S, tick_time(tick) - window.last_time)
        is_fresh = window_end - window.last_time < self._timing.stale_after_s
        return window, age_s, is_fresh and window.validity >= self._timing.least_validity

    def _opinion(self, feature: Feature, age_s: float, time: float) -> Opinion:
        expert = self._experts[feature.modality]
        output = expert.evaluate(feature)
        self._tell_failure(feature.modality, output.failure, time)
        if output.failure:
            return Opinion.absent(age_s)
        return opinion_of(expert, feature, output, age_s)

    def _tell_failure(self, modality: str, failure: str, time: float) -> None:
        """Tell an expert's failure, or that of the fusion, at its first tick."""
        failed = self._state.failed
        if failure and modality not in failed:
            self._state.failed = [*failed, modality]
            self._notices.add(time, "expert_failed", failure, modality=modality)
        elif not failure and modality in failed:
            self._state.failed = [name for name in failed if name != modality]

    def _tell_presence(self, opinions: Mapping[Modality, Opinion], time: float) -> None:
        before = self._state.present
        for modality in self._operators:
            now_present = opinions[modality].presence > 0
            if now_present != before.get(modality, False):
                regained = "modality_regained" if modality in before else "modality_present"
                kind = regained if now_present else "modality_lost"
                self._notices.add(time, kind, modality, modality=modality)
                self._state.present[modality] = now_present


def with_reason(notice: Notice, score: Score) -> Notice:
    """The notice that a segment began also says what is to be seen at the tick at which it is told."""
    if notice.kind != SEGMENT_ON:
        return notice
    found = observations(score)
    signs = [{**sign._asdict(), "electrodes": list(sign.electrodes)} for sign in found.signs]
    reason = {"because": because(found, str(notice.details["what"])), "signs": signs}
    return replace(notice, details={**notice.details, **reason})


def _expert_values(opinions: Mapping[Modality, Opinion]) -> FloatArray:
    values: list[float] = []
    for modality in MODALITIES:
        opinion = opinions[modality]
        sd = np.exp(0.5 * opinion.vad_log_variance)
        values.extend(np.stack([opinion.vad_mean, sd], axis=1).ravel())
        values.append(opinion.presence)
    if len(values) != len(EXPERT_CHANNELS):
        raise AssertionError("expert values do not fit their channels")
    return np.array(values)
