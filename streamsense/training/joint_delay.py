"""How late a table's ratings were given: found on those who are trained on, then taken out of everybody's."""

from __future__ import annotations

import itertools
from collections.abc import Collection
from dataclasses import replace

import numpy as np

from streamsense.arrays import FloatArray
from streamsense.errors import EvaluationError
from streamsense.evaluation.label_delay import RatedSeries, find_label_delay
from streamsense.ticks import HOP_S, TICKS_PER_SECOND
from streamsense.training.joint_table import Indices, JointTable

_MOST_COLUMNS = 200


def find_delay(table: JointTable, training: Indices, sets: Collection[str]) -> float:
    """The delay (s) with which the ratings in `sets` fit the features best, in the training rows alone.

    Each feature is held against each rated dimension by itself, and the delay that suits them best together is taken:
    nothing else is fitted. Every tick must be a row. Raises EvaluationError where nothing varies together.
    """
    rows = training[[table.windows[at].dataset in sets for at in training.tolist()]]
    columns = _columns(table, rows)
    places = _places(table, rows)
    total: FloatArray | None = None
    tried: FloatArray = np.empty(0)
    for column, ratings in itertools.product(columns.T, table.vad[rows].T):
        if not np.isfinite(ratings).any():
            continue
        series = [RatedSeries("training", _dense(column[own], at), _dense(ratings[own], at)) for own, at in places]
        try:
            found = find_label_delay(series, {"training"})
        except EvaluationError:  # this feature or this dimension does not change
            continue
        tried = found.tried_s
        total = found.fits if total is None else total + found.fits
    if total is None:
        raise EvaluationError(
            "The delay of the ratings cannot be found: of the people who are trained on no rating varies together with "
            "a feature. Give the delay in the description of the labels, in place of `find`."
        )
    return float(tried[int(np.argmax(total))])


def moved(table: JointTable, sets: Collection[str], delay_s: float) -> JointTable:
    """The table with each rating of `sets` given to the tick so much earlier; NaN where none was given then."""
    steps = round(delay_s / HOP_S)
    vad, emotions = table.vad.copy(), table.emotions.copy()
    mine = np.flatnonzero([window.dataset in sets for window in table.windows])
    for own, at in _places(table, mine):
        later = np.searchsorted(at, at + steps)
        is_there = (later < len(at)) & (at[np.minimum(later, len(at) - 1)] == at + steps)
        source = mine[own[np.minimum(later, len(at) - 1)]]
        for values, empty in ((vad, np.nan), (emotions, 0.0)):
            before = (table.vad if values is vad else table.emotions)[source]
            values[mine[own]] = np.where(is_there[:, None], before, empty)
    return replace(table, vad=vad, emotions=emotions)


def labelled(table: JointTable, hop_ticks: int) -> Indices:
    """The rows that have a label, on every `hop_ticks`-th tick."""
    known = np.isfinite(table.vad).any(axis=1) | table.emotions.any(axis=1)
    return np.flatnonzero(known & (_ticks(table) % hop_ticks == 0))


def _ticks(table: JointTable) -> Indices:
    ends = np.array([window.end_s for window in table.windows], np.float64)
    return np.rint(ends * TICKS_PER_SECOND).astype(np.intp)


def _places(table: JointTable, rows: Indices) -> list[tuple[Indices, Indices]]:
    """Of each recording in `rows`: which of them are its own (indices into `rows`), and their ticks, ascending."""
    ticks = _ticks(table)[rows]
    found: dict[tuple[str, str, str], list[int]] = {}
    for index, at in enumerate(rows.tolist()):
        window = table.windows[at]
        found.setdefault((window.dataset, window.person, window.recording), []).append(index)
    ordered = [np.array(own, np.intp)[np.argsort(ticks[own], kind="stable")] for own in found.values()]
    return [(own, ticks[own]) for own in ordered]


def _dense(values: FloatArray, ticks: Indices) -> FloatArray:
    """Values at their ticks, NaN between."""
    out = np.full(int(ticks[-1] - ticks[0]) + 1, np.nan)
    out[ticks - ticks[0]] = values
    return out


def _columns(table: JointTable, rows: Indices) -> FloatArray:
    """Some of the numbers that change, (rows, columns), evenly chosen from all modalities; NaN where one is absent."""
    found: list[FloatArray] = []
    for part in table.modalities.values():
        there = part.presence[rows] > 0
        for values in part.inputs.values():
            flat = values[rows].reshape(len(rows), -1).astype(np.float64)
            varies = flat[there].std(axis=0) > 0 if there.any() else np.zeros(flat.shape[1], bool)
            found.append(np.where(there[:, None], flat[:, varies], np.nan))
    columns = np.concatenate([np.empty((len(rows), 0)), *found], axis=1)
    return columns[:, :: max(1, -(-columns.shape[1] // _MOST_COLUMNS))]
