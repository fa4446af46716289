"""What an expert says at every tick of a recording: the live pipeline's own answers, offline."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from streamsense.arrays import FloatArray
from streamsense.config import Config
from streamsense.datasets.labelled import LabelledRecording
from streamsense.evaluation.corruption import SpoiltRecording
from streamsense.fusion.combination import Opinion, opinion_of
from streamsense.models.expert import Expert, ExpertOutput
from streamsense.runtime.feature_export import features_of
from streamsense.runtime.recorded_journal import was_scored
from streamsense.runtime.verify import RecordedSession
from streamsense.score import EXPERT_LABELS, Notice, Score
from streamsense.sources.stream_kinds import NOT_USED
from streamsense.streams import MODALITIES, Modality

LAB = "lab"
"""The data set of a lab's own sessions, the only one whose files can be recordings of ours."""


@dataclass(frozen=True, eq=False)
class Answer:
    """One expert at one tick of one recording.

    `output` is None where the modality did not count, or the expert failed; `opinion` is what the fusion is given. What
    the expert was given is not kept: an hour of windows of sound is a gigabyte. `recorded` are the values of the
    recorded session's stream of experts at this tick, None where the recording is not one of ours, or was made with
    another model. `elapsed_s` is how long the session had lasted.
    """

    tick: int
    time: float
    elapsed_s: float
    output: ExpertOutput | None
    opinion: Opinion
    recorded: FloatArray | None = None

    @property
    def opinion_values(self) -> FloatArray:
        """What the stream of experts has of this modality at this tick (7,): mean and SD by dimension, presence."""
        sd = np.exp(0.5 * self.opinion.vad_log_variance)
        return np.append(np.stack([self.opinion.vad_mean, sd], axis=1).ravel(), self.opinion.presence)

    @property
    def is_as_recorded(self) -> bool:
        """Whether every bit is as it was recorded live; ValueError where nothing was."""
        if self.recorded is None:
            raise ValueError("nothing was recorded of this tick")
        return self.opinion_values.tobytes() == self.recorded.tobytes()


def journal_of(recording: LabelledRecording, modality: Modality) -> Path | None:
    """The file, where the recording is a session of ours that was scored live: it is computed as it was.

    A spoilt one is not: its journal knows nothing of what was taken away.
    """
    if recording.dataset != LAB or isinstance(opened := recording.open(modality), SpoiltRecording):
        return None
    return opened.path if was_scored(opened.path) else None


def settings_of(recording: LabelledRecording, modality: Modality, config: Config) -> Config:
    """The settings that the recording was scored with live; `config` for any other recording."""
    journal = journal_of(recording, modality)
    return config if journal is None else RecordedSession(journal).config


def answers(recording: LabelledRecording, expert: Expert, config: Config) -> Iterator[Answer]:
    """The expert's answer at every tick. `expert` must fit the features of `settings_of(recording, …)`.

    A recorded live session is computed from its own journal, late ticks and all; any other recording on its complete
    data, as by `streamsense replay`. Raises StreamsenseError where the recording cannot be read.
    """
    first: float | None = None
    for score, recorded in _ticks(recording, expert, config):
        first = score.time if first is None else first
        window = score.features.get(expert.modality)
        output = None if window is None else expert.evaluate(window)
        if output is not None and output.failure:
            output = None
        if window is None or output is None:
            opinion = Opinion.absent()
        else:
            opinion = opinion_of(expert, window, output, score.time - window.last_time)
        yield Answer(score.tick, score.time, score.time - first, output, opinion, recorded)


def _ticks(recording: LabelledRecording, expert: Expert, config: Config) -> Iterator[tuple[Score, FloatArray | None]]:
    modality = expert.modality
    if (journal := journal_of(recording, modality)) is None:
        named: dict[Modality, str | None] = {other: NOT_USED for other in MODALITIES if other != modality}
        for item in features_of(recording.open(modality), named, config).items:
            if isinstance(item, Score):
                yield item, None
        return
    session = RecordedSession(journal)
    columns = [at for at, label in enumerate(EXPERT_LABELS) if label.startswith(f"{modality}_")]
    same_model = _recorded_hash(session, modality) == expert.model.sha256
    for pair in session.run():
        if not isinstance(pair, Notice):
            recorded, score = pair
            yield score, recorded.experts[columns] if same_model else None


def _recorded_hash(session: RecordedSession, modality: Modality) -> str:
    """The sha256 of the model that the modality was scored with live; "" where it is not known."""
    recorded = session.reader.head.get("fingerprint")
    words = str(recorded.get(f"{modality}_model", "")).split() if isinstance(recorded, dict) else []
    return words[-1] if words else ""
