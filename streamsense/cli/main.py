"""The `streamsense` command: mounts the subcommands and turns errors into one clear paragraph."""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.text import Text

from streamsense import __version__
from streamsense.cli import (
    calibrate,
    demo,
    evaluate,
    explain,
    export,
    features,
    live,
    models,
    profile,
    record,
    replay,
    salvage,
    streams,
    train,
    verify,
)
from streamsense.cli.compiling import tell_of_compiling
from streamsense.errors import StreamsenseError

app = typer.Typer(
    name="streamsense",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help=(
        "Continuous emotion and ambivalence scores from EEG, face and voice every 200 ms over LSL.\n\n"
        "Try it without any device: `streamsense demo`. See what is on the network: `streamsense streams`. Score a lab "
        "session: `streamsense live CONFIG`. Make a person's profile before it: `streamsense calibrate CONFIG -o "
        "PROFILE`. Score a recording: `streamsense replay FILE`; its features as a table: "
        "`streamsense features FILE -o OUT`; why a score is what it is: `streamsense explain FILE "
        "--at TIME`. Prove that one computes the same again: `streamsense verify FILE`. "
        "Measure models on labelled recordings: `streamsense evaluate MODEL --data NAME:FOLDER`. Train your own: "
        "`streamsense train CONFIG`, then `streamsense export RUN -o FOLDER`.\n\n"
        "The scores are no diagnosis and no proof of what a person feels."
    ),
)
app.command("demo")(demo.demo)
app.command("streams")(streams.streams)
app.command("live")(live.live)
app.command("calibrate")(calibrate.calibrate)
app.command("profile")(profile.profile)
app.command("record")(record.record)
app.command("replay")(replay.replay)
app.command("features")(features.features)
app.command("explain")(explain.explain)
app.command("verify")(verify.verify)
app.command("evaluate")(evaluate.evaluate)
app.command("salvage")(salvage.salvage)
app.command("train")(train.train)
app.command("export")(export.export)
app.add_typer(models.app, name="models")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"streamsense {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _tell(error: StreamsenseError) -> None:
    """Print an error as one paragraph; into a file or a pipe as one line, which can be searched."""
    console = Console(stderr=True)
    # Names out of other people's files must not steer the terminal.
    paragraph = "".join(sign if sign.isprintable() else "?" for sign in " ".join(str(error).split()))
    console.print(Text.assemble(("Error: ", "bold red"), paragraph), soft_wrap=not console.is_terminal)


def main() -> NoReturn:
    """Run the command line. Exit codes: 0 done, 1 a bug, 2 something the user can mend, 130 interrupted."""
    # A session that is ended by its supervisor closes its files as after Ctrl-C.
    signal.signal(signal.SIGTERM, _interrupt)
    tell_of_compiling()
    try:
        app()
    except StreamsenseError as error:
        _tell(error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(0)


if __name__ == "__main__":
    main()
