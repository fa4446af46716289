"""The report on trained models: what they are, what they were tried on, and what must be known before believing it."""

from __future__ import annotations

from collections.abc import Sequence

from streamsense import __version__
from streamsense.evaluation.chosen_windows import Reading
from streamsense.evaluation.evaluating import Evaluated, Models, each_of
from streamsense.evaluation.figure import DRAWS
from streamsense.evaluation.predictions import Predictions, Protocol, joined
from streamsense.evaluation.report import Part, Report, Topic
from streamsense.evaluation.report_parts import part_of
from streamsense.evaluation.told_events import told_topics
from streamsense.evaluation.training_warnings import training_facts, training_warnings

_DRAWN = {
    "person": "people: intervals are over people, who are drawn whole, and each person has a figure",
    "trial": "trials: intervals are over trials, so they say nothing of other people",
    "corpus": "sets of recordings: all sets together, and intervals are over the sets",
}


def report_on(
    models: Models,
    evaluated: Sequence[Evaluated],
    protocol: Protocol,
    curves: Sequence[Sequence[Topic]],
    command: str,
) -> Report:
    """The whole report; `curves` are further topics for each set."""
    names = " and ".join(name for name, _ in models.values())
    sets = " and ".join(one.place.dataset.name for one in evaluated)
    parts: list[Part] = []
    if protocol == "corpus" and len(evaluated) > 1:
        parts += _all_sets(evaluated, protocol)
    for one, more in zip(evaluated, curves, strict=True):
        sources = list(each_of(one))
        for number, (source, table, reading) in enumerate(sources):
            own = more if number == len(sources) - 1 else ()
            events = told_topics(one.told.get(source, ()), protocol, reading.settle_s)
            notes = (*_live_notes(one, source), one.place.dataset.missing)
            parts.append(part_of(f"{source} on {one.place.dataset.name}", table, reading, notes, own, events))
    return Report(
        f"{names} on {sets}",
        f"Protocol: the models are given, nothing is trained here. The groups are {_DRAWN[protocol]}. Features and "
        "answers are those of the live pipeline, causal, tick by tick.",
        training_warnings(models, evaluated),
        _facts(models, evaluated, command),
        tuple(parts),
    )


def _all_sets(evaluated: Sequence[Evaluated], protocol: Protocol) -> list[Part]:
    """Each source over all sets that it was tried on."""
    tables: dict[str, list[tuple[Predictions, Reading]]] = {}
    for one in evaluated:
        for source, table, reading in each_of(one):
            tables.setdefault(source, []).append((table, reading))
    return [
        part_of(f"{source} on all sets", joined([table for table, _ in found]), found[0][1])
        for source, found in tables.items()
        if len(found) > 1 and len({(reading.clips, reading.settle_s) for _, reading in found}) == 1
        and len({table.target_kind for table, _ in found}) == 1 and protocol == "corpus"
    ]  # fmt: skip


def _live_notes(one: Evaluated, source: str) -> tuple[str, ...]:
    if source not in one.as_recorded:
        return ()
    same, compared = one.as_recorded[source]
    verdict = "to the bit" if same == compared else "BUT THE OTHERS DIFFER (see streamsense verify)"
    return (f"Live and offline: {same} of {compared} recorded ticks have the same outputs, {verdict}.",)


def _facts(models: Models, evaluated: Sequence[Evaluated], command: str) -> tuple[tuple[str, str], ...]:
    facts: list[tuple[str, str]] = []
    for name, model in models.values():
        metadata = model.metadata()
        card = metadata.card
        facts += [
            (f"model {name}", f"{card.description} Version {card.version}, {card.licence}, sha256 {model.sha256}"),
            ("has evidence for", ", ".join((*card.evidence_dimensions, *card.evidence_emotions)) or "nothing"),
        ]
    facts += training_facts(models, evaluated)
    for dataset in (one.place.dataset for one in evaluated):
        facts.append((f"recordings {dataset.name}", f"{dataset.citation} {dataset.licence}."))
    facts += [
        ("intervals", f"95 %, percentile bootstrap, {DRAWS} draws, seed 0"),
        ("floors", f"what the same figure is without knowledge; labels dealt anew within each person {DRAWS} times"),
        ("made with", f"streamsense {__version__}, {command}" if command else f"streamsense {__version__}"),
    ]
    return tuple(facts)
