"""`streamsense salvage`: a clean file out of a damaged recording."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Column, Table
from rich.text import Text

if TYPE_CHECKING:
    from streamsense.runtime.salvage import SalvageReport


def salvage(
    source: Annotated[Path, typer.Argument(help="A damaged or unfinished XDF recording.")],
    target: Annotated[Path, typer.Argument(help="The clean file; it must not exist.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Write all of a damaged XDF recording that is whole to a clean file, and say what was lost.

    Whole chunks are copied byte for byte; footers are made where they are missing. The source is not changed, the
    target is never overwritten, and has its name only when it is complete.

    Example: `streamsense salvage session_01.xdf session_01_clean.xdf`
    """
    from streamsense.runtime.salvage import salvage as write_clean

    console = Console(stderr=as_json)
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("salvaging", total=None)
        report = write_clean(source, target, lambda done, size: progress.update(task, completed=done, total=size))
    if as_json:
        typer.echo(json.dumps(asdict(report), indent=2))
    else:
        _show(console, report)


def _show(console: Console, report: SalvageReport) -> None:
    for warning in report.warnings:
        console.print(f"warning: {warning}", highlight=False, markup=False)
    table = Table(
        Column("stream", overflow="fold"),
        Column("samples", justify="right"),
        Column("left out", justify="right"),
        Column("declared", justify="right"),
        Column("footer"),
    )
    for stream in report.streams:
        declared = "–" if stream.declared_samples is None else str(stream.declared_samples)
        counts = str(stream.samples), str(stream.left_out_samples), declared
        footer = "made anew" if stream.new_footer else "kept"
        table.add_row(Text(f"{stream.stream_id} {stream.name}"), *counts, footer)
    console.print(table)
    console.print(
        f"{report.target_bytes} of {report.source_bytes} bytes written to {report.target}; "
        f"{report.skipped_bytes} bytes of {report.source} were in no chunk.",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
