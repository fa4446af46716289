"""`streamsense streams`: what is on the network."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text


def streams(
    wait: Annotated[float, typer.Option(min=0.1, max=60.0, help="Seconds to wait for answers.")] = 1.5,
    scope: Annotated[
        str, typer.Option(help="How far to look: machine, link, site, organization or global.")
    ] = "machine",
    session_id: Annotated[str | None, typer.Option(help="LSL session to look in (default: LSL's own).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """List the LSL streams that can be heard from here.

    By default only this machine is asked. `--scope site` asks the whole lab network.
    """
    from streamsense.sources.lsl_configuration import configure

    configure(session_id, scope)
    from streamsense.sources.lsl_streams import list_streams

    found = list_streams(wait)
    rows = [
        {
            "name": info.name(),
            "type": info.type(),
            "channels": info.channel_count(),
            "rate_hz": info.nominal_srate(),
            "source_id": info.source_id(),
            "host": info.hostname(),
        }
        for info in found
    ]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    if not rows:
        typer.echo(f"No stream answered within {wait:g} s (scope: {scope}). Is the device's LSL program running?")
        return
    # What a configuration needs in full is folded where there is no room, not cut.
    table = Table(
        Column("name", overflow="fold"),
        Column("type", overflow="fold"),
        Column("channels", justify="right"),
        Column("rate (Hz)", justify="right"),
        Column("source_id", overflow="fold"),
        Column("host", overflow="fold"),
    )
    for row in rows:
        rate = float(str(row["rate_hz"]))
        speed = f"{rate:g}" if rate > 0 else "irregular"
        cells = (row["name"], row["type"], row["channels"], speed, row["source_id"], row["host"])
        table.add_row(*(Text(str(cell)) for cell in cells))
    Console().print(table)
