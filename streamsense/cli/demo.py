"""`streamsense demo`: the whole pipeline on a simulated participant, beside the truth."""

from __future__ import annotations

import subprocess
import sys
import time
import uuid
from collections.abc import Mapping
from types import TracebackType
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from streamsense.cli import view
from streamsense.cli.live import NoticePrinter
from streamsense.config import Config, parse_config
from streamsense.errors import DependencyError, SourceError
from streamsense.score import Notice, Score
from streamsense.ticks import TICKS_PER_SECOND

_LINES_PER_SECOND = 2
_HEADER_EVERY = 20
_TRUTH_KEPT = 1000


class SimulatedParticipant:
    """The simulator in a process of its own, on real LSL outlets; ended when the `with` block is left."""

    def __init__(self, session_id: str) -> None:
        command = [sys.executable, "-m", "streamsense.sources.simulator", "--session-id", session_id]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # noqa: S603

    def wait_until_ready(self) -> None:
        """Return when the outlets are there; raises what the simulator said when it could not start."""
        if self._process.stdout is None or self._process.stderr is None:
            raise SourceError("The simulator's output could not be read. Try again.")
        if not self._process.stdout.readline():
            raise DependencyError(self._process.stderr.read().strip() or "The simulator ended without a word.")

    def __enter__(self) -> SimulatedParticipant:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.communicate(timeout=10)


class TruthReader:
    """Reads the simulator's truth stream; `at` gives the truth of a tick once it has arrived."""

    def __init__(self) -> None:
        import pylsl

        from streamsense.sources.lsl_streams import StreamQuery, find_stream

        self._inlet = pylsl.StreamInlet(find_stream(StreamQuery(name="SimTruth"), 5.0), recover=False)
        self._labels = self._inlet.info(timeout=5.0).get_channel_labels()
        self._known: dict[int, dict[str, float]] = {}

    def at(self, tick: int) -> Mapping[str, float]:
        """Truth by name, empty while unknown."""
        samples, stamps = self._inlet.pull_chunk(timeout=0.0)
        for sample, stamp in zip(samples, stamps, strict=True):
            self._known[round(stamp * TICKS_PER_SECOND)] = dict(zip(self._labels, sample, strict=True))
        for old in sorted(self._known)[:-_TRUTH_KEPT]:
            del self._known[old]
        return self._known.get(tick, {})


class DemoPrinter(NoticePrinter):
    """Scores as scrolling lines beside the truth."""

    def __init__(self, console: Console, truth: TruthReader) -> None:
        super().__init__(console, as_json=False)
        self._truth = truth
        self._printed = 0
        self._state = ""

    def write_score(self, score: Score, compute_s: float) -> None:  # noqa: ARG002  (the sinks' common shape)
        """Print every so many scores as one line."""
        if score.tick % (TICKS_PER_SECOND // _LINES_PER_SECOND):
            return
        if self._printed % _HEADER_EVERY == 0:
            self._console.print(_header(), style="bold")
        self._printed += 1
        self._console.print(_line(score, self._truth.at(score.tick - 1), self._state), soft_wrap=True)

    def write_notice(self, notice: Notice) -> None:
        """Note the simulator's states; print the rest."""
        if notice.kind == "marker":
            self._state = notice.text
        super().write_notice(notice)


def _header() -> str:
    parts = ["valence ● truth │", "arousal ● truth │", "ambivalence"]
    return f"{'tick':>9}  " + "  ".join(f"{part:<24}" for part in parts) + f"{'emotion':<20}{'acted':<14}E F V"


def _line(score: Score, truth: Mapping[str, float], state: str) -> Text:
    text = Text(f"{score.tick:>9}  ")
    for label, low in (("valence", -1.0), ("arousal", -1.0), ("ambivalence", 0.0)):
        known = truth.get(label)
        spread = f"±{score[f'{label}_sd']:.2f}" if low < 0 else "     "
        text.append_text(view.bar(score[label], low, 1.0, known))
        text.append(f" {score[label]:+.2f}{spread}".ljust(15))
    text.append(f"{view.top_emotion(score):<20}{state:<14}")
    for modality in ("eeg", "face", "voice"):
        present = score[f"{modality}_presence"] > 0
        text.append("● " if present else "○ ", style="green" if present else "red")
    return text


def demo_config(session_id: str, *, with_face: bool) -> Config:
    """The configuration of the demo: the simulator's three streams, in an LSL session of their own."""
    content: dict[str, object] = {
        "eeg": {"source": {"kind": "lsl", "name": "SimEEG"}},
        "voice": {"source": {"kind": "lsl", "name": "SimVoice"}},
        "lsl": {"session_id": session_id, "resolve_timeout_s": 15.0},
    }
    if with_face:
        content["face"] = {"source": {"kind": "lsl", "name": "SimCamera"}}
    return parse_config(content, "the demo's configuration")


def demo(
    seconds: Annotated[float, typer.Option(min=1.0, help="How long to run.")] = 30.0,
    face: Annotated[bool, typer.Option(help="With the camera (needs the face models, fetched once).")] = True,
) -> None:
    """Run everything on a simulated participant: no device, no network beyond this machine.

    EEG, camera pictures and voice leave a process of their own over LSL; the live pipeline reads and scores them.
    The truth that the simulator acts is shown beside the scores. The first experts are small graphs from published
    knowledge and not trained: do not expect the scores to meet the truth closely.
    """
    from streamsense.models.catalogue import model_files
    from streamsense.runtime.session import open_session

    console = Console()
    if face:
        with console.status("Fetching the face models (once) …"):
            model_files("mesh468_iris")
    session_id = f"streamsense-demo-{uuid.uuid4().hex[:8]}"
    config = demo_config(session_id, with_face=face)
    with SimulatedParticipant(session_id) as participant:
        with console.status("Starting the simulated participant and loading the models …"):
            participant.wait_until_ready()
            session = open_session(config)
            session.add_sink(DemoPrinter(console, TruthReader()))
            session.start()
        started = time.monotonic()
        try:
            while time.monotonic() - started < seconds:
                session.check()
                time.sleep(0.1)
        except KeyboardInterrupt:
            console.print("Stopping.")
        finally:
            session.stop()
    console.print(
        f"{session.status.scored} scores in {time.monotonic() - started:.1f} s, "
        f"{session.status.skipped} ticks skipped. "
        "Next: `streamsense streams`, then `streamsense live CONFIG`."
    )
