"""From predictions to a part of a report: what can be measured of them is, with floors and intervals beside it."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence

from streamsense.errors import EvaluationError
from streamsense.evaluation.chosen_windows import Reading, chosen_rows, counts_of, why_nothing
from streamsense.evaluation.class_figures import (
    Classified,
    class_figures,
    classified,
    recall_of_each,
    reliability,
)
from streamsense.evaluation.contrast_figures import (
    AMBIVALENCE,
    KNOWN,
    ambivalence_figures,
    contrast_figures,
    contrasted,
)
from streamsense.evaluation.dimension_figures import dimension_figures, rated_dimensions
from streamsense.evaluation.emotion_events import event_topic
from streamsense.evaluation.figure import Figure
from streamsense.evaluation.predictions import PLACES, Predictions, groups_of
from streamsense.evaluation.report import Chart, Part, Series, Table, Topic, named_numbers

__all__ = ["Reading", "headline_of", "part_of"]

_GROUP = {"person": "person", "trial": "trial", "corpus": "set of recordings"}


def part_of(
    title: str,
    predictions: Predictions,
    reading: Reading,
    warnings: Sequence[str] = (),
    more: Sequence[Topic] = (),
    events: Sequence[Topic] | None = None,
) -> Part:
    """Everything that can be said of these predictions. What has no answer is a sentence in its place, not a number.

    `events` says which emotion was when, where a pipeline told that; by default it is made of the windows' answers.
    """
    rows = chosen_rows(predictions, reading)
    kept = predictions.take(rows)
    people = groups_of(kept, reading.protocol)
    topics: list[Topic] = []
    if len(kept):
        events = event_topic(predictions, reading.protocol) if events is None else events
        topics = [*_topics(kept, people, reading), *events, *more]
    said = list(warnings)
    if not topics:
        said.append(why_nothing(predictions, kept, reading))
    datasets = sorted({window.dataset for window in predictions.windows})
    return Part(title, predictions.source, ", ".join(datasets), counts_of(predictions, kept, reading), tuple(said),
                tuple(topics))  # fmt: skip


def headline_of(predictions: Predictions, reading: Reading) -> Figure | None:
    """The first figure that `part_of` would have, without what follows it; None where there is none."""
    kept = predictions.take(chosen_rows(predictions, reading))
    topics = _topics(kept, groups_of(kept, reading.protocol), reading) if len(kept) else iter(())
    return next((figure for topic in topics for figure in topic.figures), None)


def _topics(kept: Predictions, people: Sequence[Hashable], reading: Reading) -> Iterator[Topic]:
    group = _GROUP[reading.protocol]
    contrast = reading.contrast or next((KNOWN[name] for name in _datasets(kept) if name in KNOWN), None)
    if contrast is not None and (pair := contrasted(kept, contrast)) is not None:
        figures, each = contrast_figures(pair, kept, people)
        text = (
            f"Is {contrast.dimension} higher in {contrast.high} than in {contrast.low}? The area under the ROC curve "
            "is how often a window of the one scores above a window of the other; 0.5 is chance."
        )
        chart = _of_people(each, "AUC", f"{contrast.high} against {contrast.low}", ("chance", 0.5), group, (0.0, 1.0))
        yield Topic(f"{contrast.high} against {contrast.low}", text, tuple(figures), charts=chart)
    if (pair := contrasted(kept, AMBIVALENCE)) is not None:
        figures, each = ambivalence_figures(pair, kept, people)
        text = "Ambivalence or hesitancy against none, by the fused score of ambivalence."
        chart = _of_people(each, "average F1", "Ambivalence", ("1 as often as it is", 0.5), group, (0.0, 1.0))
        yield Topic("Ambivalence", text, tuple(figures), charts=chart)
    if (classes := classified(kept)) is not None:
        yield _emotions(classes, kept, people, group)
    for dimension in rated_dimensions(kept):
        yield _dimension(dimension, kept, people, group)


def _dimension(dimension: str, kept: Predictions, people: Sequence[Hashable], group: str) -> Topic:
    try:
        figures, each = dimension_figures(kept, people, dimension)
    except EvaluationError as error:
        return Topic(dimension.capitalize(), str(error))
    text = f"Agreement with {kept.target_kind} in [−1, 1]."
    if kept.target_kind == PLACES:
        text += " Nobody rated these recordings: each emotion stands for its usual place, which is a convention."
    chart = _of_people(each, "CCC", dimension.capitalize(), ("any constant", 0.0), group, (-1.0, 1.0))
    return Topic(dimension.capitalize(), text, tuple(figures), charts=chart)


def _emotions(found: Classified, kept: Predictions, people: Sequence[Hashable], group: str) -> Topic:
    figures, each = class_figures(found, kept, people)
    there = [at for at in range(len(found.names)) if (found.truth == at).any()]
    confusion = found.confusion
    rows = tuple((found.names[at], *(f"{value:.2f}" for value in confusion[at].tolist())) for at in there)
    recall = recall_of_each(found)
    chance = 1 / len(there)
    bins = reliability(found)
    text = (
        f"The likeliest of {len(found.names)} emotions against the labelled one, {len(there)} of which occur; "
        f"{len(found.rows)} windows. {found.left_out} more have a label that the model does not know, or no majority."
    )
    named = Chart(
        "Recall of each emotion", "Which share of the windows with an emotion was called so; dashed: by chance.",
        "labelled emotion", "recall (share of windows)",
        (Series("recall", named_numbers(list(recall.values())), tuple(recall.values()), style="bars"),),
        (("chance", chance),), tuple(recall), (0.0, 1.0),
    )  # fmt: skip
    curve = Chart(
        "Can its probabilities be believed?",
        "Windows in ten groups of equal size by how sure the model was, and how often it was right. On the dashed line "
        "it is as right as it says; below it is too sure of itself.",
        "highest probability (share)", "right (share of windows)",
        (Series("groups of windows", tuple(b[0] for b in bins), tuple(b[1] for b in bins), style="points"),),
        y_range=(0.0, 1.0), diagonal=True,
    )  # fmt: skip
    table = Table(
        "Confusion", "Rows: the labelled emotion; columns: what it was called; shares of the row.",
        ("labelled", *found.names), rows, shares=True,
    )  # fmt: skip
    charts = (*_of_people(each, "UAR", "Emotions", ("chance", chance), group, (0.0, 1.0)), named, curve)
    return Topic("Emotions", text, tuple(figures), (table,), charts)


def _of_people(
    each: Mapping[Hashable, float], figure: str, what: str, level: tuple[str, float], group: str,
    y_range: tuple[float, float],
) -> tuple[Chart, ...]:  # fmt: skip
    """Each person's own figure, in ascending order; nothing where fewer than two have one."""
    if len(each) < 2:
        return ()
    values = sorted(each.values())
    caption = f"Each point is the {figure} of one {group} ({len(values)}), in ascending order; dashed: {level[0]}."
    points = Series(f"one {group}", tuple(float(at + 1) for at in range(len(values))), tuple(values), style="points")
    title = f"{what}: {figure} of each {group}"
    return (Chart(title, caption, f"{group}, by rank", figure, (points,), (level,), y_range=y_range),)


def _datasets(kept: Predictions) -> list[str]:
    return sorted({window.dataset for window in kept.windows})
