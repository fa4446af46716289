"""What is made of the opinions at each tick of an act: scores, with each part and cue ablated, and their tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from streamsense.arrays import FloatArray
from streamsense.evaluation.floors import average_f1, trivial_floors
from streamsense.evaluation.metrics import roc_auc
from streamsense.fusion.ambivalence import Parts
from streamsense.fusion.bivalence import griffin
from streamsense.fusion.combination import Fusion, FusionModel, Opinion
from streamsense.fusion.hesitancy import NAMES, hesitancy
from streamsense.runtime.assembly import load_fusion
from streamsense.score import SCORE_LABELS
from streamsense.sources.simulator.further_acts import CUE_ACTS, FALLS_BY, SHOWN_FROM, UNSHOWN_BELOW
from streamsense.sources.simulator.script import State
from streamsense.sources.simulator.scripts import ACTS, REST
from streamsense.streams import Modality

HIGH, LOW = 0.5, 0.3
"""The mean of an ambivalent act must lie above HIGH, that of any other act below LOW."""
LEAST_AUC = 0.9
"""Of the ticks of ambivalent acts against those of the others, among the six."""
CALLED_AT = 0.5
"""A tick is called ambivalent from this score on, for the average F1."""
PARTS: Final = ("discord", "bivalence", "hesitancy")
_SCORE, _DISCORD, _BIVALENCE, _GRIFFIN, _HESITANCY = range(5)
Row = dict[str, Any]


@dataclass(frozen=True)
class Heard:
    """What the experts said at one tick; `act` is empty while an act begins."""

    seed: int
    act: str
    time: float
    opinions: Mapping[Modality, Opinion]


class Without(Fusion):
    """The fusion, with one cue or part that says nothing."""

    def __init__(self, model: FusionModel, what: str = "") -> None:
        super().__init__(model)
        self._what = what

    def _parts(self, *given: Any) -> Parts:
        parts = super()._parts(*given)
        if self._what in NAMES:
            return replace(parts, cues=np.where(np.array(NAMES) == self._what, 0.0, parts.cues))
        if self._what == "hesitancy":
            return replace(parts, cues=np.zeros(len(NAMES)))
        gone = {"discord": ("discord",), "bivalence": ("positive", "negative"), "": ()}[self._what]
        return replace(parts, **dict.fromkeys(gone, 0.0))


@dataclass(frozen=True, eq=False)
class Scored:
    """The ticks' `acts`, `values` (n, 5): score, discord, both indices of bivalence, hesitancy; `cues` (n, cues)."""

    acts: np.ndarray
    values: FloatArray
    cues: FloatArray

    def of(self, act: str) -> FloatArray:
        """The values of one act's ticks."""
        return self.values[self.acts == act]


def scored(said: Sequence[Heard], without: str = "") -> Scored:
    """One fusion for each seed, in which the cue or part `without` says nothing."""
    model, values, cues = load_fusion(), [], []
    for seed in dict.fromkeys(one.seed for one in said):
        fusion = Without(model, without)
        for one in said:
            if one.seed == seed:
                score = fusion.step(one.opinions, one.time)[SCORE_LABELS.index("ambivalence")]
                parts = fusion.parts
                assert parts is not None
                both = parts.bivalence, griffin(parts.positive, parts.negative)
                values.append([score, parts.discord, *both, parts.hesitancy])
                cues.append(parts.cues)
    order = [one.act for seed in dict.fromkeys(one.seed for one in said) for one in said if one.seed == seed]
    return Scored(np.array(order), np.array(values), np.array(cues))


def act_rows(found: Scored, acts: Sequence[State] = ACTS) -> list[Row]:
    """Of each act the mean score with its deciles, the means of its parts, and whether it is as expected."""
    rows = []
    for state in acts:
        mine = found.of(state.name)
        mean, (low, high) = mine.mean(axis=0), np.quantile(mine[:, _SCORE], (0.1, 0.9))
        is_high = state.ambivalence > 0
        rows.append(
            {
                "act": state.name, "ambivalence": float(mean[_SCORE]), "10 %": float(low), "90 %": float(high),
                "discord": float(mean[_DISCORD]), "bivalence": float(mean[_BIVALENCE]),
                "(Griffin's)": float(mean[_GRIFFIN]), "hesitancy": float(mean[_HESITANCY]),
                "expected": f"above {HIGH}" if is_high else f"below {LOW}",
                "holds": bool(mean[_SCORE] > HIGH if is_high else mean[_SCORE] < LOW),
            }
        )  # fmt: skip
    return rows


def separation(found: Scored, acts: Sequence[State] = ACTS) -> Row:
    """How well the ticks of ambivalent acts are told from those of the others, beside the trivial floors."""
    ambivalent = {state.name for state in acts if state.ambivalence > 0}
    within = np.isin(found.acts, [state.name for state in acts])
    truth = np.isin(found.acts[within], list(ambivalent)).astype(int)
    score = found.values[within, _SCORE]
    floors = trivial_floors(truth)
    return {
        "AUC": roc_auc(truth, score), "average F1": average_f1(truth, (score >= CALLED_AT).astype(int)),
        "floor: never": floors.always_0, "floor: always": floors.always_1, "floor: by chance": floors.prevalence,
    }  # fmt: skip


def ablation_rows(
    said: Sequence[Heard], found: Scored, each: Sequence[str] = (*PARTS, *NAMES), acts: Sequence[State] = ACTS
) -> list[Row]:
    """The acts' means, the area and the average F1 without each part or cue that these acts show."""
    rows = []
    for what in ("", *each):
        other = scored(said, what) if what else found
        if what in NAMES and np.array_equal(other.values, found.values):
            continue
        rows.append(
            {
                "without": what or "nothing",
                **{state.name: float(other.of(state.name)[:, _SCORE].mean()) for state in acts},
                **{name: separation(other, acts)[name] for name in ("AUC", "average F1")},
            }
        )
    return rows


def cue_rows(said: Sequence[Heard], found: Scored, cues: Sequence[str] = tuple(CUE_ACTS)) -> list[Row]:
    """Of each cue how far it counts in its act and at rest, and hesitancy and score there with and without it."""
    rows = []
    at_rest = found.cues[found.acts == REST].mean(axis=0)
    for cue in cues:
        place, state = NAMES.index(cue), CUE_ACTS[cue]
        mine, counts = found.of(state.name), found.cues[found.acts == state.name]
        without = scored(said, cue).of(state.name)
        falls = float(mine[:, _HESITANCY].mean() - without[:, _HESITANCY].mean())
        only = np.where(np.array(NAMES) == cue, counts, 0.0)
        share = sum(map(hesitancy, only)) / max(1e-9, float(mine[:, _HESITANCY].sum()))
        shown = float(counts[:, place].mean())
        rows.append(
            {
                "cue": cue, "act": state.name, "counts": shown, "at rest": float(at_rest[place]),
                "of hesitancy": share,
                "hesitancy": float(mine[:, _HESITANCY].mean()), "without it": float(without[:, _HESITANCY].mean()),
                "ambivalence": float(mine[:, _SCORE].mean()), "without": float(without[:, _SCORE].mean()),
                "holds": bool(shown >= SHOWN_FROM and at_rest[place] < UNSHOWN_BELOW and falls >= FALLS_BY),
            }
        )  # fmt: skip
    return rows


def lines(rows: Sequence[Row]) -> list[str]:
    """Rows as a table in Markdown."""
    titles = [name if name != "holds" else "" for name in rows[0]]
    return [
        f"| {' | '.join(titles)} |",
        "|---" * len(titles) + "|",
        *(f"| {' | '.join(map(_cell, row.values()))} |" for row in rows),
    ]


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "as expected" if value else "NOT"
    return f"{value:.2f}" if isinstance(value, float) else str(value)
