"""The tables of docs/action-units.md: `python -m tests.helpers.action_unit_page` (`make action-units`) writes them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

from streamsense.features.action_units import ACTION_UNIT_INDEX, ACTION_UNITS, PUBLISHED_AGREEMENT, RELIABILITY
from streamsense.features.face_vector import FRONT_ENDS
from tests.helpers.action_unit_truth import (
    JUDGES,
    blinks_found,
    confusion,
    flicker,
    judged,
    lips_and_sound,
    resting,
    steps_at_rest,
    turning,
)
from tests.helpers.face_films import BLINKS
from tests.helpers.face_muscles import MUSCLES, Seen

PAGE: Final = Path(__file__).parents[2] / "docs" / "action-units.md"


def confusion_table() -> str:
    """Readings of fully contracted muscles, face frontal."""
    table = confusion(1.0, Seen())
    head = ["unit: muscle", *(str(unit) for unit in ACTION_UNITS)]
    rows = []
    for unit, readings_of_muscle in zip(ACTION_UNITS, table, strict=True):
        rows.append([f"{unit}: {MUSCLES[unit][0]}"])
        for other, value in zip(ACTION_UNITS, readings_of_muscle, strict=True):
            text = f"{value:.1f}" if value >= 0.05 else "·"
            rows[-1].append(f"**{text}**" if other == unit else text)
    return _markdown(head, rows)


def judge_table() -> str:
    """What the blendshape net says of the landmark units."""
    head = [
        "unit",
        "judged by",
        "films",
        "ρ, mesh468_iris",
        "films above 0",
        "pooled ρ",
        "ρ, mesh478",
        "films above 0",
        "pooled ρ",
    ]
    rows = []
    for unit in ACTION_UNITS:
        shapes = ", ".join(shape.replace("{side}", "") for shape in JUDGES.get(unit, ("none",)))
        if unit in judged("mesh468_iris"):
            films, *iris = judged("mesh468_iris")[unit]
            _, *other = judged("mesh478_blendshapes")[unit]
            numbers = [f"{v:.2f}" if i != 1 else f"{v:.0%}" for values in (iris, other) for i, v in enumerate(values)]
            rows.append([str(unit), shapes, str(films), *numbers])
        else:
            rows.append([str(unit), shapes, "0", *["–"] * 6])
    return _markdown(head, rows)


def steadiness_table() -> str:
    """Head turns, rest and flicker, unit by unit and for both front ends."""
    head = [
        "unit",
        "yaw r, iris",
        "yaw r, shapes",
        "at rest < 0.5, iris",
        "at rest < 0.5, shapes",
        "step, iris",
        "step, shapes",
        "jump, iris",
        "jump, shapes",
    ]
    rows = []
    for unit, row in ACTION_UNIT_INDEX.items():
        turned = [f"{turning(f)[unit]:+.2f}" if unit in turning(f) else "–" for f in FRONT_ENDS]
        rest = [f"{np.mean([units[row] < 0.5 for units in resting(f).values()]):.0%}" for f in FRONT_ENDS]
        jumps = [f"{largest(f)[row]:.2f}" for largest in (steps_at_rest, flicker) for f in FRONT_ENDS]
        rows.append([str(unit), *turned, *rest, *jumps])
    return _markdown(head, rows)


def talkers_table() -> str:
    """Lips and sound, and blinks, film by film."""
    head = [
        "film",
        "lips and sound r, iris",
        "lag ms",
        "r, shapes",
        "lag ms",
        "blinks counted",
        "found, iris",
        "found, shapes",
    ]
    rows = []
    for name in sorted(BLINKS):
        following = [text for f in FRONT_ENDS for text in _following(*lips_and_sound(f)[name])]
        blinks = [str(len(BLINKS[name])), *(str(len(blinks_found(f)[name])) for f in FRONT_ENDS)]
        rows.append([name, *following, *blinks])
    return _markdown(head, rows)


def _following(correlation: float, lag: int) -> tuple[str, str]:
    return f"{correlation:.2f}", f"{40 * lag:+d}"


def reliability_table() -> str:
    """The constants that weigh each unit."""
    head = ["", *(str(unit) for unit in ACTION_UNITS)]
    published = [f"{PUBLISHED_AGREEMENT[unit]:.2f}" if unit in PUBLISHED_AGREEMENT else "–" for unit in ACTION_UNITS]
    return _markdown(
        head, [["published r", *published], ["reliability", *(f"{RELIABILITY[u]:g}" for u in ACTION_UNITS)]]
    )


TABLES: Final[dict[str, Callable[[], str]]] = {
    "reliability": reliability_table,
    "confusion": confusion_table,
    "judge": judge_table,
    "steadiness": steadiness_table,
    "talkers": talkers_table,
}


def _markdown(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def table_in_page(name: str) -> str:
    """The table that the page shows between its marks."""
    _, rest = PAGE.read_text(encoding="utf-8").split(_MARK.format(name=name))
    return rest.partition(_END)[0].strip()


_MARK, _END = "<!-- table: {name} -->", "<!-- end of table -->"


def figures_in_page(name: str, column: int) -> dict[int, float]:
    """One column of a table that has a unit in each row; without the cells that hold no figure."""
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table_in_page(name).splitlines()[2:]]
    return {int(row[0]): float(row[column].rstrip("%")) for row in cells if row[column] != "–"}


def write_page() -> None:
    """Measure every table again and put it into the page."""
    text = PAGE.read_text(encoding="utf-8")
    for name, make in TABLES.items():
        mark = _MARK.format(name=name)
        before, rest = text.split(mark)
        text = f"{before}{mark}\n\n{make()}\n\n{_END}{rest.partition(_END)[2]}"
        print(f"{name}: measured")
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write_page()
