"""Whom a model was trained on, as its card has it: no names, but the same digits for the same person of a set."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from streamsense.models.card import Card

_DIGITS = 12
_MOST = 500
_BEGINNING = f"People (the first {_DIGITS} digits of the sha256 of SET/PERSON): "
_OTHERS = " and others"
_LISTED = re.compile(re.escape(_BEGINNING) + rf"((?:[0-9a-f]{{{_DIGITS}}}(?:, )?)+)({_OTHERS})?")
_SET = re.compile(r"(?:^|; )([^:;]{1,64}): ")


@dataclass(frozen=True)
class TrainedPeople:
    """The people whom a card lists by their hashes, and the names of the sets that it has them from.

    `complete` is false where there are more than it lists.
    """

    hashes: frozenset[str]
    sets: tuple[str, ...]
    complete: bool

    def among(self, people: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """Those of `people` (set and person) who were trained on, also where the training called the set otherwise."""
        return [
            (dataset, person)
            for dataset, person in people
            if any(person_hash(name, person) in self.hashes for name in (dataset, *self.sets))
        ]


def person_hash(dataset: str, person: str) -> str:
    """What stands for a person in a card."""
    return hashlib.sha256(f"{dataset}/{person}".encode()).hexdigest()[:_DIGITS]


def listed(people: Sequence[tuple[str, str]]) -> str:
    """The sentence of a card that lists people (set and person each), 500 of them at most."""
    hashes = sorted(person_hash(*person) for person in people)
    return f"{_BEGINNING}{', '.join(hashes[:_MOST])}{_OTHERS if len(hashes) > _MOST else ''}."


def people_of(card: Card) -> TrainedPeople | None:
    """The people whom the card lists; None where it lists nobody, which says nothing."""
    found = _LISTED.search(card.data)
    if found is None:
        return None
    return TrainedPeople(frozenset(found[1].split(", ")), tuple(_SET.findall(card.data)), found[2] is None)
