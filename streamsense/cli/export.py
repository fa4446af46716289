"""`streamsense export`: the models of a training as files that a session runs."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from streamsense.cli.train import Bars


def export(
    run: Annotated[Path, typer.Argument(help="The folder of a finished `streamsense train`.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the models; no file is overwritten.")],
    date: Annotated[str | None, typer.Option(help="The date in the cards, YYYY-MM-DD (default: today).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the paths as JSON.")] = False,
) -> None:
    """Write the models of a training: one .onnx for each modality, the fusion, and a configuration to use them.

    Each file carries its card (data, licence, held-out figures, limits) and the contract of its features, and was
    compared with the trained network. `live.yaml` beside them is for `streamsense live`.

    Example: `streamsense export runs/my_lab -o my_models`, then `streamsense live my_models/live.yaml`
    """
    console = Console(stderr=as_json)
    # Here and not above: everything else works without torch.
    from streamsense.training.joint_training import Watcher
    from streamsense.training.run_folder import RunFolder
    from streamsense.training.trained_export import LIVE, write_models

    opened = RunFolder.open(run)
    with Progress(console=console, transient=True, disable=True) as bars:
        watcher: Watcher = Bars(bars)
        with console.status("Reading the training, writing and comparing the models …"):
            paths = write_models(opened, output, date or datetime.date.today().isoformat(), watcher)
    if as_json:
        written = {name: str(path) for name, path in paths.items()}
        typer.echo(json.dumps({"models": written, "live": str(output / LIVE)}))
        return
    for path in paths.values():
        text = f"{path} ({path.stat().st_size / 1000:.0f} kB), computes as the trained network does (1e-5)"
        console.print(text, highlight=False, markup=False, soft_wrap=True)
    text = f"To score with them: streamsense live {output / LIVE}. Their cards: streamsense models inspect FILE"
    console.print(text, highlight=False, markup=False, soft_wrap=True)
