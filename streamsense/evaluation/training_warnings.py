"""Says of a model and a set of recordings whether these people were trained on: by person where the card lists them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from streamsense.evaluation.evaluating import Evaluated, Models
from streamsense.models.card import Card
from streamsense.models.card_people import people_of

_ELSEWHERE = (
    "these figures are no evidence of how well it works with other people. The evidence are the held-out figures in "
    "its card (streamsense models inspect {name})."
)


def was_trained_on(card: Card, name: str) -> bool:
    """Whether a card names a set of recordings among its training data, however it writes the name."""
    return _letters(name) in _letters(card.data)


def _letters(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


def training_warnings(models: Models, evaluated: Sequence[Evaluated]) -> tuple[str, ...]:
    """For each model and set: that the model has seen these people, or how many of them. Nobody is left out for it."""
    said = []
    for name, model in models.values():
        card = model.metadata().card
        for one in evaluated:
            called, people = one.place.dataset.name, people_in(one)
            listed = people_of(card)
            seen = listed.among(people) if listed is not None else []
            if seen:
                names = ", ".join(person for _, person in seen[:10]) + (", …" if len(seen) > 10 else "")
                said.append(
                    f"{name} WAS TRAINED ON {len(seen)} OF THESE {len(people)} PEOPLE OF {called.upper()} ({names}), "
                    f"who are not left out: {_ELSEWHERE.format(name=name)}"
                )
            elif (listed is None or not listed.complete) and was_trained_on(card, called):
                said.append(f"{name} WAS TRAINED ON {called.upper()}: {_ELSEWHERE.format(name=name)}")
    return tuple(said)


def training_facts(models: Models, evaluated: Sequence[Evaluated]) -> list[tuple[str, str]]:
    """Of each model whose card lists everybody that it was trained on, and of each set: how many of these they are."""
    facts = []
    for name, model in models.values():
        listed = people_of(model.metadata().card)
        if listed is None or not listed.complete:
            continue
        for one in evaluated:
            people = people_in(one)
            text = (
                f"its card lists {len(listed.hashes)} people, {len(listed.among(people))} of these {len(people)} among "
                "them, as far as they go by the same names"
            )
            facts.append((f"{name} and these people of {one.place.dataset.name}", text))
    return facts


def people_in(one: Evaluated) -> list[tuple[str, str]]:
    """Set and person of everybody in the tables, in order."""
    return sorted({(it.dataset, it.person) for table in one.predictions.values() for it in table.windows})
