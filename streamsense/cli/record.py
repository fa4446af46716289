"""`streamsense record`: record LSL streams without scoring them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Column, Table

from streamsense.cli.live import NoticePrinter, Recorder
from streamsense.config import parse_config
from streamsense.runtime.status import SessionStatus


def record(
    folder: Annotated[Path, typer.Argument(help="Where the recording goes; nothing is overwritten.")],
    stream: Annotated[
        list[str] | None, typer.Option(help="Name of a stream that must be there; again for more. Default: all.")
    ] = None,
    seconds: Annotated[float | None, typer.Option(min=0.2, help="Stop after so long (default: Ctrl-C).")] = None,
    scope: Annotated[str, typer.Option(help="machine, link, site, organization or global.")] = "machine",
    session_id: Annotated[str | None, typer.Option(help="Only streams of this LSL session.")] = None,
    participant: Annotated[str, typer.Option(help="For the file's name: letters and digits.")] = "01",
    session: Annotated[str, typer.Option(help="Likewise.")] = "01",
    task: Annotated[str, typer.Option(help="Likewise.")] = "affect",
) -> None:
    """Record LSL streams into one XDF file that survives a kill at any moment, with all that their senders say.

    Streams that appear later are taken in, and those that come back go on. `streamsense replay` scores such a file
    afterwards; to score at the same time, use `streamsense live CONFIG --record FOLDER`.

    Example: `streamsense record recordings --stream BioSemi --stream Markers --participant P07`
    """
    from streamsense.runtime.record_session import open_record_session

    content = {
        "lsl": {"scope": scope, "session_id": session_id},
        "recording": {"folder": folder, "participant": participant, "session": session, "task": task},
    }
    config = parse_config(content, "The command line")
    console = Console()
    opened = open_record_session(config, folder, stream or (), [NoticePrinter(console, as_json=False)])
    recorder = Recorder(opened, folder, 0.0, console)
    started = time.monotonic()
    try:
        recorder.check()
        opened.start()
        console.print(f"Recording into {folder}. Ctrl-C stops.", highlight=False, markup=False)
        if console.is_terminal:
            with Live(console=console, refresh_per_second=4) as display:
                while seconds is None or time.monotonic() - started < seconds:
                    opened.check()
                    display.update(_table(opened.status))
                    time.sleep(0.25)
        else:
            while seconds is None or time.monotonic() - started < seconds:
                opened.check()
                time.sleep(0.1)
    except KeyboardInterrupt:
        console.print("Stopping.")
    finally:
        try:
            opened.stop()
        finally:
            recorder.tell()


def _table(status: SessionStatus) -> Table:
    table = Table("stream", "type", *(Column(name, justify="right") for name in ("channels", "declared Hz", "Hz now")))
    for key, meter in sorted(status.meters.items()):
        info = meter.info
        rate = f"{info.nominal_rate_hz:g}" if info.nominal_rate_hz else "irregular"
        table.add_row(
            key.removeprefix("recorded/"), info.type, str(len(info.channel_labels)), rate, f"{meter.rate_hz:.1f}"
        )
    return table
