"""Splits into training and test half, by person, trial or data set; a split that leaks is refused.

Neighbouring windows share most of their samples, and one person's windows resemble each other whatever the label. Where
such windows stand in both halves, a model is tested on what it has seen: random labels then score near 100 %.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from streamsense.errors import EvaluationError
from streamsense.evaluation.windows import Window

Indices = npt.NDArray[np.intp]
Group = Literal["person", "trial", "dataset"]


@dataclass(frozen=True, eq=False)
class Split:
    """Indices of the windows to train on and of those to test with; `name` says what was held out."""

    name: str
    train: Indices
    test: Indices


def leave_one_person_out(windows: Sequence[Window]) -> Iterator[Split]:
    """Each person in turn is the test half, everybody else the training half."""
    people = _groups(windows, "person")
    _at_least(2, people, "person", windows)
    for person, test in people.items():
        yield _checked(windows, " ".join(person), test, _others(people, [person]), "person")


def folds_by_person(windows: Sequence[Window], folds: int, seed: int = 0) -> Iterator[Split]:
    """Each of `folds` parts of the people, as equal as can be, is the test half in turn. The same for the same seed."""
    people = _groups(windows, "person")
    _at_least(folds, people, "person", windows)
    for number, held_out in enumerate(_parts(list(people), folds, np.random.default_rng(seed))):
        test = _joined(people, held_out)
        yield _checked(windows, f"fold {number + 1} of {folds}", test, _others(people, held_out), "person")


def trial_wise(windows: Sequence[Window], folds: int, seed: int = 0) -> Iterator[Split]:
    """Within each person, parts of the trials are the test half in turn: for models of one person.

    A trial is a recording, or a labelled stretch of one. What a split says then holds for this person alone.
    """
    random = np.random.default_rng(seed)
    for person, own in _groups(windows, "person").items():
        trials = {
            trial: own[indices] for trial, indices in _groups([windows[at] for at in own.tolist()], "trial").items()
        }
        _at_least(folds, trials, "trial", [windows[at] for at in own.tolist()])
        for number, held_out in enumerate(_parts(list(trials), folds, random)):
            name = f"{' '.join(person)}, fold {number + 1} of {folds}"
            yield _checked(windows, name, _joined(trials, held_out), _others(trials, held_out), "trial")


def cross_corpus(windows: Sequence[Window]) -> Iterator[Split]:
    """Each data set in turn is the test half, all others the training half."""
    datasets = _groups(windows, "dataset")
    _at_least(2, datasets, "dataset", windows)
    for dataset, test in datasets.items():
        yield _checked(windows, dataset[0], test, _others(datasets, [dataset]), "dataset")


def check_split(windows: Sequence[Window], train: Indices, test: Indices, group: Group) -> None:
    """Raise EvaluationError where a group or any sample is in both halves, naming two windows that show it."""
    if not len(train) or not len(test):
        raise EvaluationError(
            f"The split has {len(train)} windows to train on and {len(test)} to test with. Expected some in both. Use "
            "fewer folds, or more recordings."
        )
    first_of = {_key(windows[at], group): at for at in reversed(train.tolist())}
    for at in test.tolist():
        twin = first_of.get(_key(windows[at], group))
        if twin is not None:
            raise EvaluationError(
                f"One {group} is in both halves: ({windows[twin]}) is trained on and ({windows[at]}) tested with. A "
                f"model recognises the {group}, whatever the label, so the figure would be too good. Split by {group} "
                "instead."
            )
    overlap = _overlapping(windows, train, test)
    if overlap is not None:
        raise EvaluationError(
            f"Windows in both halves share samples: ({windows[overlap[0]]}) is trained on and ({windows[overlap[1]]}) "
            "tested with. A model that remembers the one knows the other, so the figure would be too good: random "
            "labels score near 100 % like this. Split by person, or hold out whole recordings."
        )


def check_classes(windows: Sequence[Window], classes: Sequence[str]) -> None:
    """Raise EvaluationError where a class comes from one person alone: nobody else could be tested on it."""
    if len(windows) != len(classes):
        raise ValueError(f"{len(windows)} windows have {len(classes)} classes")
    people: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for window, name in zip(windows, classes, strict=True):
        people[name].add((window.dataset, window.person))
    for name, found in sorted(people.items()):
        if len(found) == 1:
            dataset, person = next(iter(found))
            raise EvaluationError(
                f"All windows of the class {name!r} are of one person ({dataset} {person}), so whoever is held out, "
                "the class is missing in one half. Expected two people or more. Leave the class out, or record more "
                "people."
            )


def _key(window: Window, group: Group) -> tuple[str, ...]:
    if group == "dataset":
        return (window.dataset,)
    if group == "person":
        return (window.dataset, window.person)
    return (window.dataset, window.person, window.recording, window.trial)


def _groups(windows: Sequence[Window], group: Group) -> dict[tuple[str, ...], Indices]:
    """The indices of each group's windows, groups sorted by name."""
    found: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for at, window in enumerate(windows):
        found[_key(window, group)].append(at)
    return {key: np.array(found[key], np.intp) for key in sorted(found)}


def _at_least(folds: int, groups: dict[tuple[str, ...], Indices], group: Group, windows: Sequence[Window]) -> None:
    if folds < 2:
        raise ValueError(f"{folds} folds, expected 2 or more")
    if len(groups) < folds:
        whose = f" of {windows[0].dataset} {windows[0].person}" if group == "trial" and windows else ""
        names = ", ".join(" ".join(filter(None, key)) for key in list(groups)[:5]) or "none"
        raise EvaluationError(
            f"{len(groups)} {group}{'' if len(groups) == 1 else 's'}{whose} ({names}) cannot be split into {folds} "
            f"parts. Expected {folds} or more. Use fewer folds, or more recordings."
        )


def _parts(keys: list[tuple[str, ...]], folds: int, random: np.random.Generator) -> Iterator[list[tuple[str, ...]]]:
    for part in np.array_split(random.permutation(len(keys)), folds):
        yield [keys[at] for at in part.tolist()]


def _joined(groups: dict[tuple[str, ...], Indices], keys: Sequence[tuple[str, ...]]) -> Indices:
    return np.sort(np.concatenate([groups[key] for key in keys]))


def _others(groups: dict[tuple[str, ...], Indices], held_out: Sequence[tuple[str, ...]]) -> Indices:
    return _joined(groups, [key for key in groups if key not in set(held_out)])


def _checked(windows: Sequence[Window], name: str, test: Indices, train: Indices, group: Group) -> Split:
    check_split(windows, train, test, group)
    return Split(name, train, test)


def _overlapping(windows: Sequence[Window], train: Indices, test: Indices) -> tuple[int, int] | None:
    """A window of each half that share time in one recording; None where there are none."""
    halves: tuple[dict[tuple[str, ...], list[int]], ...] = (defaultdict(list), defaultdict(list))
    for found, half in zip(halves, (train, test), strict=True):
        for at in half.tolist():
            window = windows[at]
            found[window.dataset, window.person, window.recording].append(at)
    for recording in halves[0].keys() & halves[1].keys():
        trained, tested = (np.array(half[recording], np.intp) for half in halves)
        trained = trained[np.argsort([windows[at].start_s for at in trained.tolist()], kind="stable")]
        starts = np.array([windows[at].start_s for at in trained.tolist()])
        ends = np.array([windows[at].end_s for at in trained.tolist()])
        latest = np.maximum.accumulate(ends)
        for at in tested.tolist():
            # Of the windows that begin before this one ends, does the one that ends last reach into it?
            before = int(np.searchsorted(starts, windows[at].end_s, "left"))
            if before and latest[before - 1] > windows[at].start_s:
                return int(trained[int(np.argmax(ends[:before] == latest[before - 1]))]), at
    return None
