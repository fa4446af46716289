"""`streamsense live`: score a lab session."""

from __future__ import annotations

import difflib
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.live import Live

from streamsense.cli import view
from streamsense.config import Config, load_config
from streamsense.errors import ConfigError
from streamsense.resources import shipped
from streamsense.score import Notice, Score
from streamsense.streams import MODALITIES, Modality

if TYPE_CHECKING:
    from streamsense.runtime.live import LiveSession
    from streamsense.runtime.recording import Recording

_QUIET_KINDS = frozenset({"session_started", "marker"})
_LINES_EVERY_S = 5.0


class NoticePrinter:
    """Prints notices as they come, and scores as JSON lines where that is wanted."""

    name = "the terminal"

    def __init__(self, console: Console, as_json: bool) -> None:
        self._console = console
        self._as_json = as_json

    def write_score(self, score: Score, compute_s: float) -> None:  # noqa: ARG002  (the sinks' common shape)
        """Print the score as JSON, or nothing: the status shows it."""
        if self._as_json:
            sys.stdout.write(view.score_json(score) + "\n")
            sys.stdout.flush()

    def write_notice(self, notice: Notice) -> None:
        """Print what a user should know."""
        if notice.kind not in _QUIET_KINDS:
            text = f"{notice.kind.replace('_', ' ')}: {_in_words(notice.text)}"
            self._console.print(
                text, style="dim", highlight=False, markup=False, soft_wrap=not self._console.is_terminal
            )

    def close(self) -> None:
        """Nothing to finish."""


def _in_words(text: str) -> str:
    """The text of a notice; of one that programs are meant to read (a JSON object) its names and values."""
    try:
        content = json.loads(text) if text.startswith("{") else None
    except ValueError:
        return text
    if not isinstance(content, dict):
        return text
    key = content.pop("key", None)
    rest = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in content.items())
    return f"{key}: {rest}" if key else rest


_TRAINING = "train_"
"""So begin the names of shipped configurations of a training."""


def find_config(name: str, *, of_training: bool = False) -> Path:
    """A configuration of a session, or of a training, by its path, or by the name of a shipped one."""
    path = Path(name)
    if path.is_file():
        return path
    stems = sorted(found.stem for found in shipped("configs").glob("*.yaml"))
    known = [stem for stem in stems if stem.startswith(_TRAINING) == of_training]
    if name in known:
        return shipped(f"configs/{name}.yaml")
    beside = [str(found) for found in sorted(path.parent.glob("*.y*ml"))] if path.parent.is_dir() else []
    near = difflib.get_close_matches(name, [*known, *beside], n=1, cutoff=0.6)
    meant = f" Did you mean {near[0]}?" if near else ""
    raise ConfigError(
        f"There is no configuration {name!r}.{meant} Give the path of a YAML file, or one of those that are shipped: "
        f"{', '.join(known)}."
    )


def live(
    config: Annotated[str, typer.Argument(help="A YAML file, or the name of a shipped one such as tri_modal_lab.")],
    seconds: Annotated[float | None, typer.Option(min=0.2, help="Stop after so long (default: Ctrl-C).")] = None,
    csv: Annotated[Path | None, typer.Option(help="Folder for scores.csv and events.csv.")] = None,
    record: Annotated[Path | None, typer.Option(help="Folder for a recording (XDF) that can be verified.")] = None,
    record_after: Annotated[float, typer.Option(min=0.0, help="Begin to record so many seconds later.")] = 0.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print each score as a line of JSON.")] = False,
) -> None:
    """Score live streams every 200 ms and publish the scores over LSL.

    Shows one line per modality (rate, age, quality), and one for recognised words. Stops cleanly on Ctrl-C. The
    scores leave as the LSL stream `streamsense-scores`; anyone on the configured LSL scope can read them.

    With `--record` the raw streams, the scores and a journal go into one file, which survives a kill at any moment;
    `streamsense verify` proves that its scores can be computed again byte for byte. Pictures, sound and
    words are recorded only where the configuration says so (`recording: raw_video`, `raw_sound`, `raw_words`).

    Example: `streamsense live tri_modal_lab --csv results/session_01`
    """
    settings = load_config(find_config(config))
    if csv is not None:
        settings = settings.model_copy(update={"output": settings.output.model_copy(update={"csv": csv})})
    if record is not None:
        settings = recorded_into(settings, record)
    run_live(settings, seconds, as_json, record_after)


def recorded_into(config: Config, folder: Path) -> Config:
    """The configuration with a folder for recordings."""
    return config.model_copy(update={"recording": config.recording.model_copy(update={"folder": folder})})


class Recorder:
    """Begins the recording when it is time, and says where it went."""

    def __init__(self, session: LiveSession, folder: Path | None, after_s: float, console: Console) -> None:
        self._session, self._folder, self._console = session, folder, console
        self._begin_at = time.monotonic() + after_s
        self._recording: Recording | None = None

    def check(self) -> None:
        """Begin, once, when it is time."""
        if self._folder is not None and self._recording is None and time.monotonic() >= self._begin_at:
            self._recording = self._session.start_recording()

    def tell(self) -> None:
        """Name the files."""
        for path in self._recording.files if self._recording is not None else []:
            size = path.stat().st_size / 1e6
            text = f"Recorded into {path} ({size:.1f} MB). To prove it: streamsense verify {path}"
            self._console.print(text, highlight=False, markup=False, soft_wrap=True)


def run_live(config: Config, seconds: float | None, as_json: bool, record_after_s: float = 0.0) -> None:
    """Run a session with a status display until the time is up or Ctrl-C."""
    from streamsense.runtime.session import open_session

    used = [modality for modality in MODALITIES if getattr(config, modality) is not None]
    if not used:
        raise ConfigError("The configuration uses no modality. Expected at least one section of: eeg, face, voice.")
    shown: list[view.Shown] = [*used, *(("text",) if config.text is not None else ())]
    console = Console(stderr=as_json)
    session = open_session(config, [NoticePrinter(console, as_json)])
    started = time.monotonic()
    recorder = Recorder(session, config.recording.folder, record_after_s, console)
    try:
        recorder.check()
        session.start()
        console.print(_announcement(config, used), highlight=False, markup=False, soft_wrap=not console.is_terminal)
        if console.is_terminal and not as_json:
            with Live(console=console, refresh_per_second=4) as display:
                while not _over(started, seconds):
                    session.check()
                    recorder.check()
                    display.update(view.status_table(session.status, shown))
                    time.sleep(0.25)
        else:
            printed = started
            while not _over(started, seconds):
                session.check()
                recorder.check()
                time.sleep(0.1)
                if not as_json and time.monotonic() - printed >= _LINES_EVERY_S:
                    printed = time.monotonic()
                    for line in view.status_lines(session.status, shown):
                        console.print(line, highlight=False, markup=False, soft_wrap=True)
    except KeyboardInterrupt:
        console.print("Stopping.")
    finally:
        try:
            session.stop()
        finally:
            status = session.status
            elapsed_s = time.monotonic() - started
            console.print(f"{status.scored} scores in {elapsed_s:.1f} s, {status.skipped} ticks skipped.")
            recorder.tell()


def _announcement(config: Config, used: Sequence[Modality]) -> str:
    """What begins, where the scores go, and how it ends."""
    places = []
    if config.output.lsl:
        places.append(f"the LSL stream {config.output.name}-scores (scope {config.lsl.scope})")
    if config.output.csv is not None:
        places.append(str(config.output.csv / "scores.csv"))
    if config.recording.folder is not None:
        places.append(f"a recording in {config.recording.folder}")
    return f"Scoring {', '.join(used)} into {' and '.join(places) or 'nothing but this display'}. Ctrl-C stops."


def _over(started: float, seconds: float | None) -> bool:
    return seconds is not None and time.monotonic() - started >= seconds
