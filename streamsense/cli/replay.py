"""`streamsense replay`: score a recording."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Column, Table

from streamsense.cli import view
from streamsense.cli.profile import made_now
from streamsense.cli.recording_options import (
    EegOption,
    ElectrodesOption,
    FaceOption,
    VoiceOption,
    chosen_settings,
    named_streams,
)
from streamsense.errors import ConfigError
from streamsense.profile import Profile, check_place
from streamsense.score import Notice, Score

if TYPE_CHECKING:
    from streamsense.runtime.annotations import AnnotationFile
    from streamsense.sinks.table import CsvSink


def replay(
    file: Annotated[Path, typer.Argument(help="XDF, EDF, BDF, FIF, BrainVision (.vhdr), WAV or a film.")],
    config: Annotated[
        str | None, typer.Option(help="A YAML file or the name of a shipped one; its sources are not used.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Folder for scores.csv and events.csv.")] = None,
    speed: Annotated[str, typer.Option(help="`max`, or a number: 1 is as fast as it was, 2 twice as fast.")] = "max",
    eeg: EegOption = None,
    electrodes: ElectrodesOption = None,
    face: FaceOption = None,
    voice: VoiceOption = None,
    annotations: Annotated[
        Path | None, typer.Option(help="Write the segments for MNE: a .txt or -annot.fif for this recording's EEG.")
    ] = None,
    save_profile: Annotated[
        Path | None, typer.Option(help="Save what was learned of the person, to be used as `profile:`.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print each score as a line of JSON.")] = False,
) -> None:
    """Score a recording; the same file gives the same scores.

    A recording made by `live --record` is computed again exactly as it was live, late ticks and all. Any other file,
    and any file for which settings or streams are named here, is scored on its complete data. The streams are chosen
    by their type, channel names and rate; name them where that is not clear.

    With `--annotations` the segments (which emotion when, and ambivalence) are also written as annotations for MNE:
    `raw.set_annotations(mne.read_annotations(OUT))` puts them on the recording's EEG.

    Example: `streamsense replay session_01.xdf --output results/session_01`
    """
    from streamsense.runtime.annotations import AnnotationFile, EegSamples, check_annotations_path
    from streamsense.runtime.scored_session import open_scored
    from streamsense.sinks.table import CsvSink

    pace = _Pace(speed)
    for path, check in ((save_profile, check_place), (annotations, check_annotations_path)):
        if path is not None:
            check(path)
    named, settings = named_streams(eeg, face, voice), chosen_settings(config, electrodes)
    console = Console(stderr=as_json)
    session = open_scored(file, named, settings)
    for warning in session.warnings:
        _say(console, f"warning: {warning}")
    marks = None if annotations is None else AnnotationFile(annotations, EegSamples(*session.opened()))
    table = CsvSink(output) if output is not None else None
    scores: list[Score] = []
    started = time.perf_counter()
    with _Files(table, marks) as files, Progress(console=console, transient=True) as progress:
        task = progress.add_task("scoring", total=session.ticks)
        for item in session.items:
            if isinstance(item, Notice):
                tell(console, item)
                files.write(item)
                continue
            pace.wait_for(item.time)
            scores.append(item)
            progress.update(task, completed=item.tick - scores[0].tick + 1)
            files.write(item)
            if as_json:
                sys.stdout.write(view.score_json(item) + "\n")
                sys.stdout.flush()
    elapsed = time.perf_counter() - started
    _summary(console, scores, elapsed)
    if save_profile is not None:
        profile = replace(Profile.from_pipeline(session.pipeline), about={**made_now(), "recording": file.name})
        profile.save(save_profile)
        _say(console, f"The profile of {', '.join(profile.parts)} is in {save_profile}. Use it as `profile:` in a "
                      "configuration.")  # fmt: skip
    if marks is not None:
        _say(console, f"{marks.written} segments, as annotations for MNE, are in {annotations}")
    if output is not None:
        _say(console, f"Written to {output / 'scores.csv'} and {output / 'events.csv'}")


def _say(console: Console, text: str) -> None:
    console.print(text, highlight=False, markup=False, soft_wrap=True)


class _Files:
    """The files that a replay is written into, where any are wanted; closed together, whatever happens."""

    def __init__(self, *files: CsvSink | AnnotationFile | None) -> None:
        self._files = [file for file in files if file is not None]

    def write(self, item: Score | Notice) -> None:
        """Write one score or notice into each."""
        for file in self._files:
            if isinstance(item, Notice):
                file.write_notice(item)
            else:
                file.write_score(item)

    def __enter__(self) -> _Files:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with ExitStack() as closing:
            for file in self._files:
                closing.callback(file.close)


class _Pace:
    """Lets scores pass at a multiple of the speed at which they were made."""

    def __init__(self, speed: str) -> None:
        try:
            self._factor = float("inf") if speed == "max" else float(speed)
        except ValueError:
            self._factor = float("nan")
        if not self._factor > 0:
            raise ConfigError(f"--speed was {speed!r}, expected `max` or a number above 0, such as 1.")
        self._first: tuple[float, float] | None = None

    def wait_for(self, time_s: float) -> None:
        """Wait until the score of `time_s` may pass."""
        self._first = self._first or (time.monotonic(), time_s)
        began, first_s = self._first
        time.sleep(max(0.0, began + (time_s - first_s) / self._factor - time.monotonic()))


def tell(console: Console, notice: Notice) -> None:
    """Print a notice that says something about the recording."""
    if notice.kind in ("warning", "stream_opened", "ticks_skipped", "gap"):
        _say(console, f"{notice.kind.replace('_', ' ')}: {notice.text}")


def _summary(console: Console, scores: list[Score], elapsed_s: float) -> None:
    if not scores:
        console.print("The recording has no tick that was scored.")
        return
    table = Table("score", *(Column(name, justify="right") for name in ("mean", "SD over time", "mean ± of the score")))
    for label in ("valence", "arousal", "dominance", "ambivalence", "confidence"):
        values = np.array([score[label] for score in scores])
        own = (
            np.mean([score[f"{label}_sd"] for score in scores])
            if label in ("valence", "arousal", "dominance")
            else None
        )
        table.add_row(label, f"{values.mean():+.3f}", f"{values.std():.3f}", "" if own is None else f"{own:.3f}")
    console.print(table)
    covered = len(scores) / 5
    console.print(
        f"{len(scores)} scores of {covered:.1f} s in {elapsed_s:.1f} s ({covered / elapsed_s:.0f} × real time)"
    )
