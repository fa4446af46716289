"""`streamsense demo`: the whole pipeline on a simulated participant, beside the truth."""

from __future__ import annotations

import subprocess
import sys
import time
import uuid
import zlib
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from streamsense.cli import view
from streamsense.cli.live import NoticePrinter, Recorder, find_config, recorded_into
from streamsense.config import (
    Config,
    EegSection,
    FaceSection,
    LslSection,
    LslSource,
    RecordingSection,
    VoiceSection,
    load_config,
)
from streamsense.errors import DependencyError, SourceError
from streamsense.score import Notice, Score
from streamsense.settings_file import parse_settings
from streamsense.sources.simulator.scripts import DEFAULT_SCRIPT
from streamsense.streams import Modality
from streamsense.ticks import TICKS_PER_SECOND

_LINES_PER_SECOND = 2
_HEADER_EVERY = 20
_TRUTH_KEPT = 1000
_MOST_START_S = 600.0
_WIDE = 100
_STREAMS: dict[Modality, str] = {"eeg": "SimEEG", "face": "SimCamera", "voice": "SimVoice"}
_WORDS = "SimWords"
_AVERAGE = "01"


class SimulatedParticipant:
    """The simulator in a process of its own, on real LSL outlets; ended when the `with` block is left."""

    def __init__(
        self,
        session_id: str,
        seconds: float,
        seed: int = 0,
        script: str = DEFAULT_SCRIPT,
        has_words: bool = False,
    ) -> None:
        # It ends by itself should this process be killed; the first start of all compiles for minutes where it is slow.
        most_s = str(seconds + _MOST_START_S)
        module = "streamsense.sources.simulator"
        options = ["--session-id", session_id, "--seconds", most_s, "--seed", str(seed), "--script", script]
        if has_words:
            from streamsense.sources.simulator.outlets import ON_REQUEST, STREAMS

            options += ["--only", ",".join((*STREAMS, *ON_REQUEST))]
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", module, *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is for the pipeline, which then ends the simulator
        )

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

    def close(self) -> None:
        """Stop reading, before the simulator goes."""
        self._inlet.close_stream()


class DemoPrinter(NoticePrinter):
    """Scores as scrolling lines beside the truth."""

    def __init__(self, console: Console, truth: TruthReader) -> None:
        super().__init__(console, as_json=False)
        self._truth = truth
        self._wide = console.width >= _WIDE or not console.is_terminal
        self._first_s = 0.0
        self._printed = 0
        self._state = ""

    def write_score(self, score: Score, compute_s: float) -> None:  # noqa: ARG002  (the sinks' common shape)
        """Print every so many scores as one line."""
        if score.tick % (TICKS_PER_SECOND // _LINES_PER_SECOND):
            return
        self._first_s = self._first_s or score.time
        if self._printed % _HEADER_EVERY == 0:
            self._console.print(_header(self._wide), style="bold", soft_wrap=True)
        self._printed += 1
        line = _line(score, score.time - self._first_s, self._truth.at(score.tick - 1), self._state, self._wide)
        self._console.print(line, soft_wrap=True)

    def write_notice(self, notice: Notice) -> None:
        """Note the simulator's states; print the rest, dim between the scores."""
        if notice.kind == "marker":
            self._state = notice.text
        super().write_notice(notice)

    def close(self) -> None:
        """Let go of the truth."""
        self._truth.close()


def _header(wide: bool) -> str:
    """Column titles over `_line`; a line is 99 columns long, or 79 where the terminal has no room for that."""
    titles = ("valence ● truth │", "arousal ● truth │") if wide else ("valence", "arousal")
    left = "  ".join(f"{title:<{20 if wide else 12}}" for title in titles)
    emotion = f"{'emotion':<16}" if wide else f"{'emotion':<12}"
    return f"{'s':>5}  EFV  {left}  {'ambivalence':<12}  {emotion}  {'acted':<11}"


def _line(score: Score, elapsed_s: float, truth: Mapping[str, float], state: str, wide: bool) -> Text:
    text = Text(f"{elapsed_s:5.1f}  ")
    for modality in ("eeg", "face", "voice"):
        present = score[f"{modality}_presence"] > 0
        text.append(modality[0].upper() if present else "–", style="green" if present else "red")
    for label in ("valence", "arousal"):
        text.append("  ").append_text(view.bar(score[label], -1.0, 1.0, 9 if wide else 6, truth.get(label)))
        text.append(f" {score[label]:+.2f}" + (f"±{score[f'{label}_sd']:.2f}" if wide else ""))
    text.append("  ").append_text(view.bar(score["ambivalence"], 0.0, 1.0, 7, truth.get("ambivalence")))
    emotion = view.top_emotion(score)
    emotion = f"{emotion:<16}" if wide else f"{emotion.split()[0]:<12}"
    return text.append(f" {score['ambivalence']:.2f}  {emotion}  {state:<11}")


def demo_config(session_id: str, used: Config) -> Config:
    """What `used` says, on the simulator's streams and in an LSL session of their own."""
    changed: dict[str, object] = {"lsl": LslSection(session_id=session_id, resolve_timeout_s=15.0)}
    for modality, name in _STREAMS.items():
        section = getattr(used, modality)
        if section is not None:
            changed[modality] = section.model_copy(update={"source": LslSource(name=name)})
    if used.text is not None:
        changed["text"] = used.text.model_copy(update={"source": LslSource(name=_WORDS)})
    return used.model_copy(update=changed)


def demo(
    seconds: Annotated[float, typer.Option(min=1.0, help="How long to run.")] = 30.0,
    face: Annotated[bool, typer.Option(help="With the camera (needs the face models, fetched once).")] = True,
    record: Annotated[Path | None, typer.Option(help="Folder for a recording (XDF) that can be verified.")] = None,
    participant: Annotated[str, typer.Option(help="Who is simulated; for the recording's name too.")] = _AVERAGE,
    seed: Annotated[int | None, typer.Option(min=0, help="Who is simulated, as a number.")] = None,
    script: Annotated[
        str, typer.Option(help="What is acted: five_states, or brisk, the same in 12 s.")
    ] = DEFAULT_SCRIPT,
    config: Annotated[
        str | None, typer.Option(help="A YAML file or the name of a shipped one; its sources are not used.")
    ] = None,
) -> None:
    """Run everything on a simulated participant: no device, no network beyond this machine.

    EEG, camera pictures and voice leave a process of their own over LSL; the live pipeline reads and scores them.
    The truth that the simulator acts is shown beside the scores. The first experts are small graphs from published
    knowledge and not trained: do not expect the scores to meet the truth closely. Another `--participant` is another
    voice, face and EEG; `--config` brings other models, such as your own.

    Example: `streamsense demo --seconds 60`, or without the camera: `streamsense demo --no-face`
    """
    from streamsense.models.catalogue import model_files
    from streamsense.runtime.session import open_session

    console = Console()
    used = (
        load_config(find_config(config))
        if config
        else Config(eeg=EegSection(), face=FaceSection(), voice=VoiceSection())
    )
    used = used if face else used.model_copy(update={"face": None})
    if used.face is not None:
        with console.status("Fetching the face models (once) …"):
            model_files(used.face.front_end)
    who = _seed_of(participant) if seed is None else seed
    session_id = f"streamsense-demo-{uuid.uuid4().hex[:8]}"
    settings = named_after(demo_config(session_id, used), participant)
    if record is not None:
        settings = recorded_into(settings, record)
    with SimulatedParticipant(session_id, seconds, who, script, used.text is not None) as simulated:
        with console.status("Starting the simulated participant and loading the models …"):
            simulated.wait_until_ready()
            session = open_session(settings)
            session.add_sink(DemoPrinter(console, TruthReader()))
            recorder = Recorder(session, record, 0.0, console)
            recorder.check()
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
            recorder.tell()
    console.print(
        f"{session.status.scored} scores in {time.monotonic() - started:.1f} s, "
        f"{session.status.skipped} ticks skipped. "
        "Next: `streamsense streams`, then `streamsense live CONFIG`.",
        soft_wrap=not console.is_terminal,
    )


def named_after(config: Config, participant: str) -> Config:
    """The configuration with the participant in the names of its recordings. Raises ConfigError for an unfit name."""
    section = {**config.recording.model_dump(), "participant": participant}
    return config.model_copy(update={"recording": parse_settings(RecordingSection, section, "--participant")})


def _seed_of(participant: str) -> int:
    """The same person for the same name; the average one for the usual name."""
    return 0 if participant == _AVERAGE else zlib.crc32(participant.encode())
