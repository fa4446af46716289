"""Live sessions on real recordings, recorded by the command and verified by the command: every tick identical.

STREAMSENSE_PROOF=1 gives each session the full length (`make proof`); otherwise they are short.
"""

from __future__ import annotations

import itertools
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from streamsense.journal_lines import Snapshot
from streamsense.runtime.recorded_journal import RecordedPlan
from streamsense.runtime.verify import RecordedSession
from streamsense.score import Skip
from streamsense.streams import MODALITIES, Block, Event
from tests.helpers.real_session import ROOT, Session, session

FULL = bool(os.environ.get("STREAMSENSE_PROOF"))
pytestmark = [pytest.mark.real_data, pytest.mark.slow, pytest.mark.timeout(600)]


def ended(process: subprocess.Popen[str]) -> str:
    out, _ = process.communicate(timeout=300)
    assert process.returncode == 0, out
    return out


def the_recording(folder: Path) -> Path:
    (file,) = folder.glob("*.xdf")
    return file


def verified(file: Path) -> str:
    """What `streamsense verify` says of a recording."""
    command = [sys.executable, "-m", "streamsense", "verify", str(file)]
    done = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=False, timeout=300)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def assert_identical(text: str, at_least: float) -> None:
    words = text.strip().splitlines()[-1].split()
    assert words[1:] == ["of", words[0], "ticks", "identical"], text
    assert int(words[0]) >= at_least, text


def in_random_blocks(file: Path, seed: int) -> Iterator[bool]:
    """Compute a recording again with all its blocks cut at random; yields whether each tick is as it was."""
    recorded, cut = RecordedSession(file), random.Random(seed)
    for entry in recorded.reader.entries():
        match entry:
            case Snapshot():
                recorded.pipeline.restore(entry.state, entry.streams)
            case RecordedPlan():
                score = recorded.pipeline.carry_out(entry.plan)
                assert score is not None
                same = score.values.tobytes() == entry.score.values.tobytes()
                yield same and score.experts.tobytes() == entry.score.experts.tobytes()
            case Skip():
                recorded.pipeline.carry_out(entry)
            case _:
                for piece in pieces(entry, cut):
                    recorded.pipeline.push(piece)


def pieces(event: Event, cut: random.Random) -> list[Event]:
    if not isinstance(event, Block) or len(event) < 2:
        return [event]
    edges = sorted({0, len(event), *(cut.randrange(len(event)) for _ in range(cut.randrange(4)))})
    return [
        replace(
            event,
            first_sample=event.first_sample + start,
            stamps=event.stamps[start:stop].copy(),
            values=event.values[start:stop].copy(),
            texts=event.texts[start:stop],
        )
        for start, stop in itertools.pairwise(edges)
    ]


def reasons(file: Path) -> Counter[str]:
    entries = RecordedSession(file).reader.entries()
    return Counter(entry.plan.reason for entry in entries if isinstance(entry, RecordedPlan))


def play_all(run: Session) -> None:
    for modality in MODALITIES:
        run.play(modality)


def test_recorded_with_raw_sound_and_pictures_then_verified_and_cut_at_random(
    raw_recording: tuple[Path, float],
) -> None:
    file, seconds = raw_recording
    text = verified(file)
    assert_identical(text, 5 * seconds - 5)
    assert "voice entered as raw sound." in text
    same = list(in_random_blocks(file, seed=1))
    print(f"in random blocks: {sum(same)} of {len(same)} ticks identical")
    assert all(same)
    import pyxdf

    streams, _ = pyxdf.load_xdf(file)
    counts = {stream["info"]["name"][0]: len(stream["time_stamps"]) for stream in streams}
    kinds = {stream["info"]["type"][0]: stream for stream in streams}
    assert abs(counts["TestVoice"] - 16_000 * seconds) < 16_000
    assert np.asarray(kinds["Audio"]["time_series"]).dtype == np.float32
    pictures = kinds["VideoFrames"]["time_series"]
    assert len(pictures) > 20 * seconds
    assert pictures[0][0].startswith("/9j/"), "JPEG in base64"


def test_each_source_killed_late_ticks_and_no_raw_sound_or_pictures(data_folder: Path, tmp_path: Path) -> None:
    """EEG is held up for 0.9 s again and again, so that ticks miss their deadline; each source is killed once."""
    times = 7 if FULL else 4
    with session(data_folder, tmp_path) as run:
        play_all(run)
        process = run.record(MODALITIES, "--record", tmp_path / "rec")
        assert process.stdout is not None
        while "Scoring " not in process.stdout.readline():
            assert process.poll() is None
        time.sleep(4.0)
        for modality in MODALITIES:
            run.players[modality].process.send_signal(signal.SIGKILL)
            time.sleep(2.0)
            run.play(modality)
            time.sleep(5.0 if FULL else 1.5)
        for _ in range(times):
            run.players["eeg"].process.send_signal(signal.SIGSTOP)
            time.sleep(0.9)
            run.players["eeg"].process.send_signal(signal.SIGCONT)
            time.sleep(0.6)
        process.send_signal(signal.SIGINT)
        ended(process)
    file = the_recording(tmp_path / "rec")
    text = verified(file)
    assert_identical(text, 100)
    assert "voice entered as voice front end's frames." in text
    found = reasons(file)
    print(f"plans: {dict(found)}")
    assert found["deadline"] + found["backlog"] >= 3 * times
    import pyxdf

    types = {stream["info"]["type"][0] for stream in pyxdf.load_xdf(file)[0]}
    assert "Audio" not in types, "sound was not asked for"
    assert "VideoFrames" not in types, "nor pictures"


def test_recording_started_in_mid_session(data_folder: Path, tmp_path: Path) -> None:
    after, seconds = (47, 65) if FULL else (3, 8)
    with session(data_folder, tmp_path) as run:
        play_all(run)
        process = run.record(MODALITIES, "--record", tmp_path / "rec", "--record-after", after, "--seconds", seconds)
        ended(process)
    text = verified(the_recording(tmp_path / "rec"))
    assert_identical(text, 5 * (seconds - after) - 5)
