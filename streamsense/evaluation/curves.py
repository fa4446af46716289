"""How a figure falls when something is missing: electrodes, signal over noise, samples, whole modalities."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from streamsense.datasets.labelled import LabelledRecording
from streamsense.evaluation.corruption import LOST_S, FewerElectrodes, Losses, Noise, Spoiling, spoilt
from streamsense.evaluation.evaluating import FUSION, Change, Evaluated
from streamsense.evaluation.report import Chart, Series, Topic, named_numbers
from streamsense.evaluation.report_parts import headline_of
from streamsense.streams import Modality

Evaluate = Callable[[str, Change], Evaluated]
"""Evaluates the same models on the same set with every recording changed; told what for."""


@dataclass(frozen=True)
class Course:
    """One way to spoil recordings, from nothing to much. `levels` are the x values, the first the unspoilt one."""

    title: str
    caption: str
    x_label: str
    levels: tuple[tuple[float, Spoiling | None], ...]
    names: tuple[str, ...] = ()


def courses(modality: Modality) -> list[Course]:
    """What can be done to a modality's recordings."""
    shares = (0.1, 0.25, 0.5)
    lost = Course(
        "Loss of pictures" if modality == "face" else "Loss of samples",
        "Single pictures are lost at random."
        if modality == "face"
        else f"Stretches of {LOST_S:g} s are lost at random.",
        "share of pictures lost" if modality == "face" else "share of time lost",
        ((0.0, None), *((share, Losses(share)) for share in shares)),
    )
    if modality == "face":
        return [lost]
    noise = Course(
        "White noise", "Added to each channel of the raw signal, before any operator; ∞: as recorded.",
        "signal to noise (dB)", ((0.0, None), *((at + 1.0, Noise(snr)) for at, snr in enumerate((20.0, 10.0, 0.0)))),
        ("∞", "20", "10", "0"),
    )  # fmt: skip
    if modality == "voice":
        return [noise, lost]
    fewer = Course(
        "Missing electrodes", "A share of the channels is not there, the same ones in each recording.",
        "share of electrodes missing", ((0.0, None), *((share, FewerElectrodes(share)) for share in (0.25, 0.5, 0.75))),
    )  # fmt: skip
    return [fewer, noise, lost]


def curve_topics(modality: Modality, source: str, whole: Evaluated, evaluate: Evaluate) -> Iterator[Topic]:
    """The source's first figure along each course; `whole` is the evaluation of the recordings as they are."""
    for course in courses(modality):
        found = [
            whole if spoiling is None else evaluate(f"{course.title.lower()}, {at}", partial(_change, spoiling))
            for at, (_, spoiling) in enumerate(course.levels)
        ]
        yield from _topic(course, source, found)


def _change(spoiling: Spoiling, recording: LabelledRecording) -> LabelledRecording:
    return spoilt(recording, spoiling)


def _topic(course: Course, source: str, found: Sequence[Evaluated]) -> list[Topic]:
    figures, places, answered = [], [], []
    for (place, _), one in zip(course.levels, found, strict=True):
        if (table := one.predictions.get(source)) is None:
            continue
        answered.append((place, float(table.present.mean())))
        figure = headline_of(table, one.readings[source])
        if figure is not None:
            figures.append(figure)
            places.append(place)
    if not figures or places[0] != course.levels[0][0]:
        return []
    values, name = tuple(figure.value for figure in figures), figures[0].name
    bounded = all(figure.low is not None and figure.high is not None for figure in figures)
    low, high = (tuple(getattr(one, side) for one in figures) if bounded else () for side in ("low", "high"))
    levels = tuple(list(figures[0].floors.items())[:1])
    quality = Chart(
        f"{course.title}: {name}", f"{course.caption} Bars: 95 % intervals over people; dashed: {levels[0][0]}.",
        course.x_label, name, (Series(source, tuple(places), values, low, high),), levels, course.names,
        (-1.0 if min(values) < 0 else 0.0, 1.0) if figures[0].better == "higher" else None,
    )  # fmt: skip
    presence = Chart(
        f"{course.title}: answers", "The share of windows of which enough is there to be answered; of the others the "
        "model says nothing, and they are not in the figure beside.",
        course.x_label, "windows with an answer (share)",
        (Series(source, tuple(at for at, _ in answered), tuple(share for _, share in answered)),),
        ticks=course.names, y_range=(0.0, 1.0),
    )  # fmt: skip
    return [Topic(course.title, f"{name} when the recordings are spoilt, seeded.", charts=(quality, presence))]


def modality_topic(evaluated: Evaluated) -> list[Topic]:
    """The fusion's first figure for every choice of the models; nothing where there is one model only."""
    found = {
        source.removeprefix(f"{FUSION} of ").replace(" and ", "+"): headline_of(table, evaluated.readings[source])
        for source, table in evaluated.predictions.items()
        if source.startswith(FUSION)
    }
    figures = {name if name != FUSION else "all": figure for name, figure in found.items() if figure is not None}
    if len(figures) < 2:
        return []
    (name, *others) = {figure.name for figure in figures.values()}
    values = tuple(figure.value for figure in figures.values())
    text = "Which modalities are needed: the fusion with all of them, and with each choice of some."
    if others:
        return [Topic("Missing modalities", f"{text} Not all choices have the same figure, so none is shown.")]
    chart = Chart(
        f"Missing modalities: {name}", "The same ticks each time; where none of the chosen modalities is there, a tick "
        "is left out.", "modalities that are there", name,
        (Series(name, named_numbers(values), values, style="bars"),),
        tuple(list(next(iter(figures.values())).floors.items())[:1]), tuple(figures),
    )  # fmt: skip
    return [Topic("Missing modalities", text, charts=(chart,))]
