"""Evaluates trained experts on sets of recordings: predictions of every window, and the report that is made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from streamsense.config import Config
from streamsense.datasets.labelled import Dataset, LabelledRecording
from streamsense.datasets.sittings import sittings
from streamsense.errors import DatasetError
from streamsense.evaluation.as_live import LAB, Answer, settings_of
from streamsense.evaluation.chosen_windows import Reading
from streamsense.evaluation.fusing import evidence_of_all, fused, subsets
from streamsense.evaluation.model_settings import expert_for, settings_for
from streamsense.evaluation.predicting import (
    Labelled,
    evidence_of,
    expert_answers,
    label_rule,
    said_by,
    tabled,
    with_places,
)
from streamsense.evaluation.predictions import Predictions, joined
from streamsense.evaluation.told_events import ToldRecording, told_recording
from streamsense.evaluation.windows import at_end
from streamsense.models.expert import Expert
from streamsense.models.session import OnnxModel
from streamsense.runtime.assembly import feature_operators
from streamsense.streams import Modality

Progress = Callable[[str, int, int], None]
"""Told what is computed, how many recordings of it are done, and how many there are."""
FUSION = "fusion"


@dataclass(frozen=True)
class Place:
    """A set of recordings and the folder that it lies in."""

    dataset: Dataset
    folder: Path


@dataclass(frozen=True, eq=False)
class Evaluated:
    """What came out of one set: predictions by source, and how they are to be read.

    With several models the sources are also the fusion of each choice of them, by its modalities; "fusion" is all.
    `told` has for each source the recordings in which emotions or ambivalence begin and end, with the segments that
    the pipeline tells of them. `as_recorded` has for each source whose outputs a live session had recorded how many
    of how many ticks are the same.
    """

    place: Place
    predictions: Mapping[str, Predictions]
    readings: Mapping[str, Reading]
    as_recorded: Mapping[str, tuple[int, int]]
    told: Mapping[str, Sequence[ToldRecording]]


@dataclass
class _Collected:
    parts: dict[str, list[Predictions]] = field(default_factory=dict)
    as_recorded: dict[str, tuple[int, int]] = field(default_factory=dict)
    told: dict[str, list[ToldRecording]] = field(default_factory=dict)

    def add(self, source: str, table: Predictions) -> None:
        self.parts.setdefault(source, []).append(table)

    def compare(self, source: str, same: Sequence[bool]) -> None:
        if same:
            before, of = self.as_recorded.get(source, (0, 0))
            self.as_recorded[source] = before + sum(same), of + len(same)


Models = Mapping[Modality, tuple[str, OnnxModel]]
"""Name and model of each modality."""
Change = Callable[[LabelledRecording], LabelledRecording]


def evaluate_on(
    place: Place,
    models: Models,
    config: Config | None,
    reading: Reading,
    settle_s: float | None,
    progress: Progress = lambda _what, _done, _all: None,
    change: Change = lambda recording: recording,
) -> Evaluated:
    """Every window of the set as the live pipeline would answer it.

    `config` is what the features are made with, by default what each model's contract names. `settle_s` is by default
    as long as the person's rest is learned. `change` may spoil each recording. Raises StreamsenseError where the set
    cannot be read, or a model does not fit the features.
    """
    recordings = _recordings(place, tuple(models))
    if not recordings:
        wanted = " or ".join(models)
        raise DatasetError(f"{place.folder} has no recording with {wanted}. Choose another set, or another model.")
    found, readings = _Collected(), {}
    for done, recording in enumerate(recordings):
        progress(place.dataset.name, done, len(recordings))
        own = _one(change(recording), models, config, found)
        for modality, (name, _) in models.items():
            if modality in own and name not in readings:
                readings[name] = _reading(reading, recording, modality, own[modality], settle_s)
    progress(place.dataset.name, len(recordings), len(recordings))
    tables = {source: with_places(joined(parts)) for source, parts in found.parts.items()}
    longest = max(readings.values(), key=lambda one: one.settle_s)
    readings |= {source: replace(longest, clips=False) for source in tables if source not in readings}
    return Evaluated(place, tables, readings, found.as_recorded, found.told)


def _recordings(place: Place, modalities: Sequence[Modality]) -> list[LabelledRecording]:
    """The recordings with any of the modalities; conditions and clips that are files of their own, as sittings."""
    read = place.dataset.recordings(place.folder)
    if len(modalities) == 1 and modalities[0] != "face" and place.dataset.name != LAB:
        return list(sittings(read, modalities[0]))
    return [recording for recording in read if set(modalities) & set(recording.modalities)]


def _one(
    recording: LabelledRecording, models: Models, config: Config | None, found: _Collected
) -> dict[Modality, Config]:
    """Take one recording into the collection; returns the settings that its features were made with."""
    experts: dict[Modality, Expert] = {}
    settings: dict[Modality, Config] = {}
    answered: dict[Modality, list[tuple[Labelled, Answer]]] = {}
    for modality, (name, model) in models.items():
        if modality not in recording.modalities:
            continue
        own = settings_of(recording, modality, config or settings_for(model, modality))
        expert = expert_for(model, modality, own)
        rows = list(expert_answers(recording, expert, own))
        if rows:
            found.add(name, tabled(name, evidence_of(expert), [(it, said_by(answer, expert)) for it, answer in rows]))
        found.compare(name, [answer.is_as_recorded for _, answer in rows if answer.recorded is not None])
        experts[modality], settings[modality], answered[modality] = expert, own, rows
    for used in subsets(tuple(experts)):
        together = fused(answered, experts, used, next(iter(settings.values())))
        source = FUSION if len(used) == len(models) else f"{FUSION} of {' and '.join(used)}"
        if len(experts) > 1:
            found.add(source, tabled(source, evidence_of_all({key: experts[key] for key in used}), together.rows))
        if told := told_recording(recording, together):
            found.told.setdefault(models[used[0]][0] if len(used) == 1 else source, []).append(told)
    return settings


def _reading(
    reading: Reading, recording: LabelledRecording, modality: Modality, config: Config, settle_s: float | None
) -> Reading:
    rated = any(it.valence is not None or it.arousal is not None for it in recording.labels)
    clips = recording.dataset != LAB and not rated and label_rule(recording, config, modality) is at_end
    return replace(reading, clips=clips, settle_s=_settling(config, modality) if settle_s is None else settle_s)


def _settling(config: Config, modality: Modality) -> float:
    """Until no window holds a second of the rest that a person's EEG is compared with; 0 s for face and voice."""
    if modality != "eeg":
        return 0.0
    baseline = feature_operators(config)["eeg"].contract()["baseline"]
    seconds = baseline.get("seconds", 0.0) if isinstance(baseline, dict) else 0.0
    return float(seconds) + (config.eeg.window_s if config.eeg is not None else 0.0)


def each_of(evaluated: Evaluated) -> Iterator[tuple[str, Predictions, Reading]]:
    """The sources that a report has parts for: each model, and the fusion of all."""
    for source, table in evaluated.predictions.items():
        if not source.startswith(f"{FUSION} of "):
            yield source, table, evaluated.readings[source]
