"""Reads labelled sessions into one table: what every modality's expert would have been given at each tick, live."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from streamsense.arrays import Float32Array
from streamsense.config import Config, parse_config
from streamsense.datasets.lab_labels import LabelSource, RatingLabels
from streamsense.datasets.labelled import LabelledRecording
from streamsense.datasets.labels import Label, LabelTrack
from streamsense.errors import DatasetError, EvaluationError
from streamsense.evaluation.windows import Window, window_length
from streamsense.features.operator import FeatureOperator
from streamsense.fusion.emotions import DIMENSIONS, EMOTIONS
from streamsense.models.contract import differing_fields
from streamsense.runtime.assembly import feature_operators
from streamsense.runtime.feature_export import features_of, open_features
from streamsense.runtime.recorded_journal import JournalReader, was_scored
from streamsense.score import AGE_UNKNOWN_S, Score
from streamsense.sources.stream_kinds import NOT_USED
from streamsense.streams import MODALITIES, Feature, Modality
from streamsense.ticks import tick_time
from streamsense.training.joint_table import JointTable, ModalityRows

Tell = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Heard:
    """One modality at one tick: its window and its age (s); None where it does not count."""

    window: Feature | None
    age_s: float


Tick = dict[Modality, Heard]


@dataclass(frozen=True)
class Reading:
    """How a set is read: which features, which ticks, and how its labels lie.

    `source` is where a lab's labels are, None for a published set. `hop_ticks` is how many ticks lie between two rows.
    """

    config: Config
    source: LabelSource | None = None
    hop_ticks: int = 1

    @property
    def finds_delay(self) -> bool:
        """Whether the delay of the ratings is yet to be found: then every tick is needed, with a label or without."""
        return isinstance(self.source, RatingLabels) and self.source.delay_s is None

    def wants(self, tick: int) -> bool:
        """Whether the tick is a row."""
        return self.finds_delay or tick % self.hop_ticks == 0

    def of_instants(self, recording: LabelledRecording) -> bool:
        """Whether a window has the label of its last instant: for ratings, and for clips about as long as a window."""
        if self.source is not None:
            return self.source.of_instants
        return any(label.end_s - label.start_s < 2 * self.longest_s(recording) for label in recording.labels)

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """Those that are read."""
        return tuple(modality for modality in MODALITIES if getattr(self.config, modality) is not None)

    def used(self, recording: LabelledRecording) -> tuple[Modality, ...]:
        """Those of them that were recorded. Raises DatasetError where none was."""
        used = tuple(modality for modality in recording.modalities if modality in self.modalities)
        if not used:
            raise DatasetError(
                f"{recording.dataset} {recording.name} has {', '.join(recording.modalities) or 'nothing'}, and of "
                "these none is trained. Name its modalities in the training, or take it out of the folder."
            )
        return used

    def longest_s(self, recording: LabelledRecording) -> float:
        """The longest window at a tick."""
        return max(window_length(self.config, modality) for modality in self.used(recording))


def read_recording(recording: LabelledRecording, reading: Reading, tell: Tell = lambda _: None) -> JointTable:
    """The ticks of one recording that have a label and at which any modality counts.

    A label that lasts counts where it covers the longest window. Our own recordings that were scored live are computed
    as they were; `tell` hears of one that was scored with other features: it is read from its complete data, like all
    others. Where the delay of the ratings is yet to be found, all ticks come, NaN where there is no rating. Raises
    DatasetError where no tick has a label, EvaluationError for NaN among the features.
    """
    ticks = {tick: heard for tick, heard in _ticks(recording, reading, tell).items() if reading.wants(tick)}
    track, used, longest_s = LabelTrack(recording.labels), reading.used(recording), reading.longest_s(recording)
    choose = track.at_end if reading.of_instants(recording) else track.within
    rows: list[tuple[Window, Label | None, Tick]] = []
    for tick in sorted(ticks):
        end_s = tick_time(tick)
        start_s = end_s - longest_s
        label = choose(start_s, end_s, used[0] if len(used) == 1 else None)
        if any(heard.window is not None for heard in ticks[tick].values()) and (label or reading.finds_delay):
            trial = label.trial if label else ""
            window = Window(recording.dataset, recording.person, recording.name, start_s, end_s, trial)
            rows.append((window, label, ticks[tick]))
    if not any(label for _, label, _ in rows):
        raise DatasetError(_uncovered(recording, ticks, longest_s))
    return _tabled(rows, used)


def _ticks(recording: LabelledRecording, reading: Reading, tell: Tell) -> dict[int, Tick]:
    """What is heard at each tick; modalities that lie in one file are read in one pass, as live."""
    files: dict[Path, list[Modality]] = {}
    for modality in reading.used(recording):
        files.setdefault(recording.open(modality).path, []).append(modality)
    found: dict[int, Tick] = {}
    for path, modalities in files.items():
        for score in _scores(recording, path, modalities, reading.config, tell):
            for modality in modalities:
                heard = Heard(score.features.get(modality), score[f"{modality}_age"])
                found.setdefault(score.tick, {})[modality] = heard
    return found


def _scores(
    recording: LabelledRecording, path: Path, modalities: Sequence[Modality], config: Config, tell: Tell
) -> Iterator[Score]:
    if was_scored(path):
        differences = _differences(path, modalities, config)
        if not differences:
            yield from (item for item in open_features(path, {}).items if isinstance(item, Score))
            return
        tell(f"{path.name} was scored live with other features ({'; '.join(differences[:3])}), and is computed anew.")
    named: dict[Modality, str | None] = {other: NOT_USED for other in MODALITIES if other not in modalities}
    items = features_of(recording.open(modalities[0]), named, config).items
    yield from (item for item in items if isinstance(item, Score))


def _differences(path: Path, modalities: Sequence[Modality], config: Config) -> list[str]:
    """In what the features of a live session differ from those that are trained."""
    wanted = contracts(config)
    live = contracts(parse_config(JournalReader(path).head.get("config"), f"The configuration in {path}"))
    return [
        f"{modality} {line}"
        for modality in modalities
        for line in (differing_fields(live[modality], wanted[modality]) if modality in live else ["not used live"])
    ]


def contracts(config: Config) -> dict[Modality, Mapping[str, object]]:
    """The contract of each modality's features."""
    operators: dict[Modality, FeatureOperator] = feature_operators(config)
    return {modality: operator.contract() for modality, operator in operators.items()}


def _uncovered(recording: LabelledRecording, ticks: dict[int, Tick], longest_s: float) -> str:
    labels, times = recording.labels, sorted(ticks)
    spans = "none at all"
    if labels:
        longest = max(label.end_s - label.start_s for label in labels)
        first, last = min(label.start_s for label in labels), max(label.end_s for label in labels)
        spans = f"labels from {first:.1f} to {last:.1f} s, the longest of {longest:.1f} s"
    signal = f"{tick_time(times[0]):.1f} to {tick_time(times[-1]):.1f} s" if times else "nowhere"
    return (
        f"The labels of {recording.dataset} {recording.name} do not cover the signal: {spans}, and windows of "
        f"{longest_s:g} s from {signal}. Expected labels that last as long as a window, at the signal's own times. "
        "Correct the labels, or take the recording out of the folder."
    )


def _tabled(rows: Sequence[tuple[Window, Label | None, Tick]], used: Sequence[Modality]) -> JointTable:
    vad, emotions = np.full((len(rows), len(DIMENSIONS)), np.nan), np.zeros((len(rows), len(EMOTIONS)))
    for at, (_, label, _) in enumerate(rows):
        if label is not None:
            rated = (label.valence, label.arousal, label.dominance)
            vad[at] = [np.nan if value is None else value for value in rated]
            shares = label.shares(EMOTIONS)
            emotions[at] = 0.0 if shares is None else shares
    windows = tuple(window for window, _, _ in rows)
    parts: dict[Modality, ModalityRows] = {}
    for modality in used:
        heard = [tick.get(modality, Heard(None, AGE_UNKNOWN_S)) for _, _, tick in rows]
        if any(one.window is not None for one in heard):
            parts[modality] = _modality_rows(modality, heard, windows)
    return JointTable(parts, windows, vad, emotions, np.ones(len(rows), np.float64))


def _modality_rows(modality: Modality, heard: Sequence[Heard], windows: Sequence[Window]) -> ModalityRows:
    first = next(one.window for one in heard if one.window is not None)
    inputs = {name: np.zeros((len(heard), *value.shape), np.float32) for name, value in first.inputs.items()}
    for at, one in enumerate(heard):
        for name, values in inputs.items():
            if one.window is not None:
                values[at] = one.window.inputs[name]
                if not np.isfinite(values[at]).all():
                    raise EvaluationError(
                        f"{name} of {modality} holds NaN or infinity in the window ({windows[at]}). Expected numbers. "
                        "Take the recording out, and report it: no feature may be NaN."
                    )

    def column(value: Callable[[Heard], float]) -> Float32Array:
        return np.array([value(one) for one in heard], np.float32)

    return ModalityRows(
        inputs,
        presence=column(lambda one: float(one.window is not None)),
        quality=column(lambda one: 0.0 if one.window is None else one.window.evidence),
        age_s=column(lambda one: one.age_s),
    )


def joined(tables: Sequence[JointTable]) -> JointTable:
    """Several recordings as one table; a modality that one lacks is absent in its rows."""
    modalities = [m for m in MODALITIES if any(m in table.modalities for table in tables)]
    return JointTable(
        {modality: _joined_rows(modality, tables) for modality in modalities},
        tuple(window for table in tables for window in table.windows),
        np.concatenate([table.vad for table in tables]),
        np.concatenate([table.emotions for table in tables]),
        np.concatenate([table.weight for table in tables]),
    )


def _joined_rows(modality: Modality, tables: Sequence[JointTable]) -> ModalityRows:
    first = next(table.modalities[modality] for table in tables if modality in table.modalities)
    parts = []
    for table in tables:
        if modality in table.modalities:
            parts.append(table.modalities[modality])
            continue
        n = len(table)
        empty = {name: np.zeros((n, *values.shape[1:]), np.float32) for name, values in first.inputs.items()}
        zeros = np.zeros(n, np.float32)
        parts.append(ModalityRows(empty, zeros, zeros, np.full(n, AGE_UNKNOWN_S, np.float32)))
    return ModalityRows(
        {name: np.concatenate([part.inputs[name] for part in parts]) for name in first.inputs},
        *(np.concatenate([getattr(part, name) for part in parts]) for name in ("presence", "quality", "age_s")),
    )


def with_targets(table: JointTable, dimensions: Sequence[str], emotions: Sequence[str]) -> JointTable:
    """The table with the ratings and shares of these only: of what is not named nothing is learned."""
    vad = np.where([name in dimensions for name in DIMENSIONS], table.vad, np.nan)
    shares = np.where([name in emotions for name in EMOTIONS], table.emotions, 0.0)
    total = shares.sum(axis=1, keepdims=True)
    shares = np.divide(shares, total, out=np.zeros_like(shares), where=total > 0)
    return replace(table, vad=vad, emotions=shares)


def with_present_only(table: JointTable) -> JointTable:
    """The table without the modalities that none of its rows has: of these nothing can be learned."""
    return replace(table, modalities={name: part for name, part in table.modalities.items() if part.presence.any()})
