"""`streamsense verify`: what it says of recordings that are whole, killed, changed, forged, or from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from streamsense.errors import RecordingError
from streamsense.runtime.recorded_journal import RecordedScore
from streamsense.runtime.verify import Verification
from streamsense.score import SCORE_LABELS, Plan, Score, StreamPlan
from tests.helpers import recorded_sessions, sessions
from tests.helpers.command_line import Done, run_together
from tests.helpers.recorded_sessions import Made
from tests.helpers.xdf_writer import XdfWriter

CHANGED_CHANNEL = "arousal"
CHANGED_SCORE = 5


def with_score(made: Made, change: Callable[[float], float]) -> Made:
    """The session with one value of one score that was not computed."""
    at = [index for index, item in enumerate(made.items) if isinstance(item, Score)][CHANGED_SCORE]
    score = made.items[at]
    assert isinstance(score, Score)
    values = score.values.copy()
    column = SCORE_LABELS.index(CHANGED_CHANNEL)
    values[column] = change(float(values[column]))
    return replace(made, items=[*made.items[:at], replace(score, values=values), *made.items[at + 1 :]])


def elsewhere(made: Made) -> Made:
    """The session as another computer would have recorded it."""
    fingerprint = made.head["fingerprint"] | {"processor": "abacus", "numpy": "0.1"}
    return replace(made, head=made.head | {"fingerprint": fingerprint})


def with_strange_plan(made: Made) -> Made:
    """A plan that names a modality of which the configuration knows nothing."""
    at = [index for index, item in enumerate(made.items) if isinstance(item, Plan)][CHANGED_SCORE]
    plan = made.items[at]
    assert isinstance(plan, Plan)
    strange = replace(plan, streams=(*plan.streams, StreamPlan("face", 0.0, "live")))
    return replace(made, items=[*made.items[:at], strange, *made.items[at + 1 :]])


def with_model(made: Made, name: str) -> Made:
    config = made.head["config"]
    return replace(made, head=made.head | {"config": config | {"eeg": config["eeg"] | {"model": name}}})


def flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


@pytest.fixture(scope="module")
def made() -> Made:
    events = [event for event in recorded_sessions.eventful(3.0) if recorded_sessions.key_of(event) != "face"]
    return recorded_sessions.make(events, 0.0, sessions.config("eeg"))


@pytest.fixture(scope="module")
def said(made: Made, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Done]:
    """What the command said of each file; one process verifies all of them."""
    folder = tmp_path_factory.mktemp("verify")
    whole = folder / "whole.xdf"
    flushes = recorded_sessions.write(whole, made)
    data = whole.read_bytes()
    (folder / "killed.xdf").write_bytes(data[: flushes[-2].size - 100])
    (folder / "changed.xdf").write_bytes(flipped(data, flushes[3].size + 1000))
    (folder / "changed_head.xdf").write_bytes(flipped(data, data.index(b"fingerprint")))
    writer = XdfWriter()
    writer.header(1, "float32", 1, 250.0, "Amp", "EEG", ["Fp1"])
    (folder / "foreign.xdf").write_bytes(writer.data)
    (folder / "text.xdf").write_text("no recording")
    forged: dict[str, Callable[[Made], Made]] = {
        "forged": lambda made: with_score(made, lambda value: np.nextafter(value, 2.0)),
        "elsewhere": elsewhere,
        "elsewhere_near": lambda made: elsewhere(with_score(made, lambda value: value + 1e-7)),
        "elsewhere_far": lambda made: elsewhere(with_score(made, lambda value: value + 0.25)),
        "strange": with_strange_plan,
        "modelless": lambda made: with_model(made, "gone.onnx"),
    }
    for name, change in forged.items():
        recorded_sessions.rewritten(whole, folder / f"{name}.xdf", change)
    names = ["whole", "killed", "changed", "changed_head", "foreign", "text", *forged, "missing"]
    commands: dict[str, list[object]] = {name: ["verify", f"{name}.xdf"] for name in names}
    commands |= {f"{name} --json": ["verify", f"{name}.xdf", "--json"] for name in ("whole", "forged", "changed")}
    done = run_together(list(commands.values()), folder)
    for one in done:
        assert "Traceback" not in one.err, one.err
    return dict(zip(commands, done, strict=True))


def lines(done: Done) -> list[str]:
    return done.out.strip().splitlines()


def test_a_whole_recording_is_identical(said: dict[str, Done], made: Made) -> None:
    ticks = len(made.scores)
    assert ticks > 10
    assert said["whole"].code == 0
    assert lines(said["whole"])[-1] == f"{ticks} of {ticks} ticks identical"
    assert "eeg entered as raw samples." in lines(said["whole"])
    assert "voice entered as raw sound." in lines(said["whole"])


def test_the_recording_of_a_killed_recorder_is_identical_as_far_as_it_goes(said: dict[str, Done], made: Made) -> None:
    done = said["killed"]
    assert done.code == 0
    count = int(lines(done)[-1].split()[0])
    assert lines(done)[-1] == f"{count} of {count} ticks identical"
    assert len(made.scores) - 5 <= count < len(made.scores)
    assert any("its recorder was killed" in line for line in lines(done))


def test_a_score_that_was_not_computed_is_named_with_both_values(said: dict[str, Done], made: Made) -> None:
    """By the last bit only, in a file whose checksums all fit."""
    done, score = said["forged"], made.scores[CHANGED_SCORE]
    assert done.code == 1
    computed = score[CHANGED_CHANNEL]
    recorded = float(np.nextafter(computed, 2.0))
    expected = f"tick {score.tick}, {CHANGED_CHANNEL}: recorded {recorded!r}, computed {computed!r}"
    assert f"First difference: {expected}" in lines(done)
    assert lines(done)[-1] == f"{len(made.scores) - 1} of {len(made.scores)} ticks identical"


@pytest.mark.parametrize("name", ["changed", "changed_head"])
def test_a_changed_byte_is_told_with_its_place(said: dict[str, Done], name: str) -> None:
    done = said[name]
    assert done.code == 1, done
    assert "was changed" in done.out
    assert "byte" in done.out
    assert "killed" not in done.out
    assert lines(done)[-1].endswith("ticks identical")


@pytest.mark.parametrize(("name", "size"), [("elsewhere_near", "1e-07"), ("elsewhere_far", "0.25")])
def test_another_computer_has_a_verdict_of_its_own(said: dict[str, Done], made: Made, name: str, size: str) -> None:
    done = said[name]
    assert done.code == 3, done
    assert any(line.startswith("  processor: recorded abacus, here ") for line in lines(done))
    assert any(line.startswith("  numpy: recorded 0.1, here ") for line in lines(done))
    largest = next(line for line in lines(done) if line.startswith("Largest difference: "))
    assert f"tick {made.scores[CHANGED_SCORE].tick}, {CHANGED_CHANNEL}" in largest
    assert f"({size})" in largest
    within = "within the 1e-05" if name == "elsewhere_near" else "MORE THAN the 1e-05"
    assert any(within in line for line in lines(done))
    assert lines(done)[-1] == f"{len(made.scores) - 1} of {len(made.scores)} ticks identical"


def test_another_computer_that_computes_the_same_is_named_too(said: dict[str, Done], made: Made) -> None:
    done = said["elsewhere"]
    assert done.code == 3
    assert any("processor" in line for line in lines(done))
    assert lines(done)[-1] == f"{len(made.scores)} of {len(made.scores)} ticks identical"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("foreign", "has no journal"),
        ("text", "is not an XDF file"),
        ("missing", "cannot be read: No such file"),
        ("modelless", "There is no model 'gone.onnx'"),
    ],
)
def test_what_cannot_be_verified_is_said_in_one_paragraph(said: dict[str, Done], name: str, words: str) -> None:
    done = said[name]
    assert done.code == 2, done
    assert words in done.err
    assert len(done.err.strip().splitlines()) == 1
    assert "identical" not in done.out


def test_a_plan_that_no_session_made_is_told(said: dict[str, Done], made: Made) -> None:
    done = said["strange"]
    assert done.code == 1
    tick = made.scores[CHANGED_SCORE].tick
    assert f"was changed: tick {tick} names what its configuration does not use" in done.out


def test_scores_with_other_channels_are_those_of_another_version(made: Made) -> None:
    score = made.scores[0]
    older = RecordedScore(score.time, score.values[:-1], score.experts)
    with pytest.raises(RecordingError, match=r"Verify it with the version that recorded it\."):
        Verification().compare(older, score)


def test_the_result_as_json(said: dict[str, Done], made: Made) -> None:
    whole, forged, changed = (json.loads(said[f"{name} --json"].out) for name in ("whole", "forged", "changed"))
    ticks = len(made.scores)
    assert (whole["ticks"], whole["identical"], whole["first_difference"], whole["ended"]) == (
        ticks,
        ticks,
        None,
        "done",
    )
    assert whole["change"] == ""
    assert whole["entered"]["eeg"] == "raw samples"
    assert whole["fingerprint_differences"] == []
    assert (forged["first_difference"]["tick"], forged["first_difference"]["channel"]) == (
        made.scores[CHANGED_SCORE].tick, CHANGED_CHANNEL,
    )  # fmt: skip
    assert forged["identical"] == ticks - 1
    assert "was changed at byte" in changed["change"]
    assert changed["ended"] is None
    assert [said[f"{name} --json"].code for name in ("whole", "forged", "changed")] == [0, 1, 1]
