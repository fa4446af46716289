"""`streamsense verify`: prove that a recording's scores can be computed again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from streamsense.runtime.verify import Verification


def verify(
    file: Annotated[Path, typer.Argument(help="A recording made by `live --record` or `demo --record`.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Compute all scores of a recording again from what entered the core, and compare every bit.

    Ends with `N of N ticks identical` and exit code 0; with exit code 1 where a score differs or the file was
    changed; with exit code 3 where this computer or its software is another one than that of the recording, so that
    the last bits may differ: then the largest difference is named.

    Example: `streamsense verify recordings/sub-01_ses-01_task-affect_run-001_streamsense.xdf`
    """
    from streamsense.runtime.verify import verify as recompute

    console = Console(stderr=as_json)
    columns = SpinnerColumn(), TextColumn("{task.completed:.0f} ticks"), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("computing", total=None)
        found = recompute(file, lambda ticks: progress.update(task, completed=ticks))
    if as_json:
        typer.echo(json.dumps(_as_json(found)))
    else:
        for line in _lines(found):
            console.print(line, highlight=False, markup=False, soft_wrap=True)
    if found.exit_code:
        raise typer.Exit(found.exit_code)


def _lines(found: Verification) -> list[str]:
    lines = [f"{modality} entered as {what}." for modality, what in found.entered.items()]
    if found.end is None and not found.change:
        lines.append("The recording has no end: its recorder was killed, or its disk was full. What it holds is whole.")
    if found.skipped:
        lines.append(f"{found.skipped} ticks were skipped when it was live.")
    if found.fingerprint:
        lines.append("It was computed elsewhere, so the last bits may differ:")
        lines += [f"  {difference}" for difference in found.fingerprint]
    if found.change:
        lines.append(found.change)
    if found.first is not None:
        lines.append(f"First difference: {found.first}")
    if found.fingerprint and found.largest is None:
        lines.append("Largest difference: none")
    if found.largest is not None:
        lines.append(f"Largest difference: {found.largest} ({found.largest.size:.3g})")
        if found.fingerprint:
            within = "within" if found.largest.size <= found.tolerance else "MORE THAN"
            lines.append(f"That is {within} the {found.tolerance:g} that another computer may make.")
    if found.ticks == 0:
        lines.append("No tick was scored when it was recorded; what it holds is as it was written.")
    return [*lines, f"{found.identical} of {found.ticks} ticks identical"]


def _as_json(found: Verification) -> dict[str, object]:
    return {
        "ticks": found.ticks,
        "identical": found.identical,
        "skipped": found.skipped,
        "first_difference": None if found.first is None else vars(found.first),
        "largest_difference": None if found.largest is None else vars(found.largest),
        "fingerprint_differences": found.fingerprint,
        "entered": found.entered,
        "change": found.change,
        "ended": found.end,
    }
