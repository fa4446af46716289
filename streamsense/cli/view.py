"""How scores and the state of a session look in a terminal."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Literal

from rich.console import Group
from rich.table import Column, Table
from rich.text import Text

from streamsense.features.language_cues import SAID, SPAN_S
from streamsense.fusion.emotions import EMOTIONS
from streamsense.runtime.status import SessionStatus
from streamsense.score import AGE_UNKNOWN_S, SCORE_LABELS, Score
from streamsense.streams import Modality

Shown = Modality | Literal["text"]
"""What has a line of its own: a modality, or the recognised words."""


def score_json(score: Score) -> str:
    """One score as one line of JSON."""
    return json.dumps({"time": score.time, **dict(zip(SCORE_LABELS, map(float, score.values), strict=True))})


def bar(value: float, low: float, high: float, width: int, truth: float | None = None) -> Text:
    """A value's place between `low` and `high` in `width` cells; `●` is the value, `│` the truth where it is known."""

    def place(number: float) -> int:
        return round((min(max(number, low), high) - low) / (high - low) * (width - 1))

    cells = ["·"] * width
    styles = ["dim"] * width
    if truth is not None:
        cells[place(truth)], styles[place(truth)] = "│", "green"
    at = place(value)
    cells[at], styles[at] = "●", "bold cyan"
    return Text.assemble(*zip(cells, styles, strict=True))


def top_emotion(score: Score) -> str:
    """The likeliest emotion and its probability."""
    name = max(EMOTIONS, key=lambda emotion: score[f"emotion_{emotion}"])
    return f"{name} {score[f'emotion_{name}']:.0%}"


def age_text(age_s: float) -> str:
    """An age in words: never seen, or seconds."""
    return "never" if age_s >= AGE_UNKNOWN_S else f"{age_s:.2f} s"


def status_table(status: SessionStatus, used: Sequence[Shown]) -> Group:
    """One line for each of what is `used`: rate, age, quality, weight; and the newest score."""
    numbers = (Column(name, justify="right") for name in ("rate", "age", "quality", "weight"))
    table = Table("modality", Column("stream", max_width=24, no_wrap=True), *numbers)
    score = status.score
    for modality in used:
        meter = status.meters.get(modality)
        name = Text(meter.info.name if meter else "waiting for it")
        if modality == "text":
            said = {} if score is None else score.language
            words = f"{said['words']:.0f} words" if said else "–"
            table.add_row(Text("text", style="bold green" if said else "red"), name, words, "–", "–", "–")
            continue
        present = score is not None and score[f"{modality}_presence"] > 0
        cells = ["–"] * 3
        if score is not None:
            cells = [age_text(score[f"{modality}_age"])]
            cells += [f"{score[f'{modality}_{part}']:.2f}" if present else "–" for part in ("quality", "weight")]
        rate = f"{meter.rate_hz:.1f} Hz" if meter and present else "–"
        table.add_row(Text(modality, style="bold green" if present else "red"), name, rate, *cells)
    return Group(table, *(Text(line) for line in _score_lines(status)))


def _score_lines(status: SessionStatus) -> list[str]:
    """The newest score in lines that fit 80 columns."""
    score = status.score
    if score is None:
        return []
    skipped = f", {status.skipped} skipped" if status.skipped else ""
    return [
        f"valence {score['valence']:+.2f} ± {score['valence_sd']:.2f}   arousal {score['arousal']:+.2f} ± "
        f"{score['arousal_sd']:.2f}   ambivalence {score['ambivalence']:.2f} (uncalibrated)",
        f"{top_emotion(score)}   confidence {score['confidence']:.2f}   {status.scored} scores{skipped}",
    ]


def status_lines(status: SessionStatus, used: Sequence[Shown]) -> list[str]:
    """The same as plain lines, for a log."""
    lines = []
    score = status.score
    for modality in used:
        meter = status.meters.get(modality)
        if score is None or meter is None:
            lines.append(f"{modality:5} waiting for its stream")
            continue
        if modality == "text":
            lines.append(f"text  {_words_text(score)}  ({meter.info.name})")
            continue
        if score[f"{modality}_presence"] == 0:
            age = age_text(score[f"{modality}_age"])
            lines.append(
                f"{modality:5} absent, last sample: {age}{'' if age == 'never' else ' ago'} ({meter.info.name})"
            )
            continue
        lines.append(
            f"{modality:5} {meter.rate_hz:8.1f} Hz  age {age_text(score[f'{modality}_age'])}  "
            f"quality {score[f'{modality}_quality']:.2f}  weight {score[f'{modality}_weight']:.2f}  ({meter.info.name})"
        )
    return lines + _score_lines(status)


def _words_text(score: Score) -> str:
    """How much was said lately, and how far it is believed."""
    if not score.language:
        return f"no words in the last {SPAN_S:g} s"
    return f"{score.language['words']:.0f} words in the last {SPAN_S:g} s, believed {score.language[SAID]:.2f}"
