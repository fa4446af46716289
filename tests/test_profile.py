"""A participant's profile: learned, saved, read with suspicion, and used from the first sample on."""

from __future__ import annotations

import dataclasses
import functools
import json
import resource
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from streamsense.errors import ConfigError
from streamsense.pipeline import Pipeline
from streamsense.profile import LEARN, PROFILE, Profile, learning_payload, load_profile
from streamsense.score import Plan, Score
from streamsense.streams import MODALITIES, Control
from streamsense.ticks import tick_at_or_before, tick_time
from tests.helpers import sessions
from tests.helpers.brain_noise import CORNER_HZ


def run(pipeline: Pipeline, seconds: float, seed: int = 0) -> list[Score]:
    """Push generated streams in pieces of 1 s and score the last tick of each on complete data."""
    tracks = [sessions.MAKERS[modality](seconds, seed) for modality in MODALITIES]
    for track in tracks:
        pipeline.push(sessions.opened(track))
    scores = []
    for second in range(int(seconds)):
        end = sessions.START + second + 1
        for track in tracks:
            start, stop = np.searchsorted(track.stamps, (end - 1, end))
            pipeline.push(track.block(int(start), int(stop), end))
        tick = tick_at_or_before(end)
        score = pipeline.carry_out(Plan(tick, end, "complete", pipeline.complete_plans(tick_time(tick))))
        assert score is not None
        scores.append(score)
    return scores


@functools.cache
def learned() -> Profile:
    pipeline = sessions.pipeline(*MODALITIES)
    run(pipeline, 12.0)
    return Profile.from_pipeline(pipeline)


def with_profile(profile: Profile) -> Pipeline:
    pipeline = sessions.pipeline(*MODALITIES)
    pipeline.push(Control(PROFILE, profile.payload, sessions.START))
    return pipeline


def test_a_profile_survives_its_file_exactly(tmp_path: Path) -> None:
    path = tmp_path / "profile.json"
    learned().save(path)
    assert load_profile(path) == learned()
    assert (load_profile(path).payload, load_profile(path).sha256) == (learned().payload, learned().sha256)
    assert set(learned().parts) == {*MODALITIES, "fusion"}
    with pytest.raises(ConfigError, match="exists already"):
        learned().save(path)
    with pytest.raises(ConfigError, match="cannot be written"):
        learned().save(tmp_path / "nowhere" / "profile.json")


def test_the_reference_names_all_that_it_holds() -> None:
    reference = (Path(__file__).parents[1] / "docs" / "reference.md").read_text(encoding="utf-8")
    section = reference[reference.index("### Profiles") : reference.index("### Exit codes")]
    assert [name for part in learned().parts.values() for name in part if f"`{name}`" not in section] == []


def test_it_counts_from_the_first_sample_on_and_stays() -> None:
    pipeline = with_profile(learned())
    _, first, *_, last = run(pipeline, 6.0, seed=3)
    without = run(sessions.pipeline(*MODALITIES), 6.0, seed=3)[1]
    for score in (first, last):
        eeg, face = score.features["eeg"], score.features["face"]
        assert eeg.inputs["baseline_weight"] == pytest.approx(10.9 / 20, abs=0.01)  # 12 s less the warm-up, of 20 s
        assert "neutral face not settled" not in face.reasons
    fusion = {name: value for name, value in learned().parts["fusion"].items() if name != "contract"}
    assert pipeline._fusion.learned() == fusion
    assert fusion["usual_cues"]["gaze_offset"][2] > 5, "seconds of it"
    assert without.features["eeg"].inputs["baseline_weight"] < 0.02
    assert "neutral face not settled" in without.features["face"].reasons
    assert Profile.from_pipeline(pipeline) == learned()


@pytest.mark.parametrize(
    ("lacking", "told"),
    [
        ((), None),
        (("T7", "O1"), "the profile knows no rest of O1, T7: each is referred to itself"),
        (sessions.EEG_LABELS[:-2], "less than half of the 17 electrodes, so its EEG part does not count"),
    ],
)
@pytest.mark.parametrize("profile_first", [True, False])
def test_electrodes_that_it_does_not_know_are_named(
    lacking: tuple[str, ...], told: str | None, profile_first: bool
) -> None:
    eeg = learned().parts["eeg"]
    known = {name: rest for name, rest in eeg["baseline"].items() if name not in lacking}
    profile = Profile({"eeg": {**eeg, "baseline": known}})
    pipeline = sessions.pipeline("eeg")
    events = [Control(PROFILE, profile.payload, sessions.START), sessions.opened(sessions.eeg(1.0))]
    for event in events if profile_first else reversed(events):
        pipeline.push(event)
    warnings = [notice.text for notice in pipeline.take_notices() if notice.kind == "warning"]
    assert len(warnings) == (told is not None)
    assert told is None or told in warnings[0]
    again = sessions.pipeline("eeg")
    again.restore(pipeline.snapshot(), pipeline.open_streams)
    assert again.take_notices() == [], "it was told when the session began"


PHASES = ((1.0, ()), (1.5, ("eeg", "face")), (13.1, ()), (14.0, ("voice",)), (19.7, ()))
"""When (s) each LEARN comes, and who learns from there on."""


@functools.cache
def plain_tracks() -> tuple[sessions.Track, ...]:
    return tuple(sessions.MAKERS[modality](22.0) for modality in MODALITIES)


@functools.cache
def disturbed_tracks() -> tuple[sessions.Track, ...]:
    """The same, all different outside of the phases in which they are learned."""
    tracks = []
    spans = {"eeg": (1.5, 13.1), "face": (1.5, 13.1), "voice": (14.0, 19.7)}
    for track in plain_tracks():
        modality, values = track.info.kind, track.values.copy()
        start, stop = spans[modality]
        second = track.stamps - sessions.START
        outside = (second < start) | (second >= stop)
        if modality == "face":
            geometry = [i for i, label in enumerate(track.info.channel_labels) if label[-2:] in ("_x", "_y", "_z")]
            values[np.ix_(outside, geometry)] *= 1.2
        else:
            values[outside] *= 4
        tracks.append(dataclasses.replace(track, values=values))
    return tuple(tracks)


def calibrated(
    piece_s: float, interrupt_at: float | None = None, phases: Any = PHASES, tracks: tuple[sessions.Track, ...] = ()
) -> Pipeline:
    """A session in which the phases are learned, in pieces; from a snapshot in another pipeline, if interrupted."""
    pipeline, tracks = sessions.pipeline(*MODALITIES), tracks or disturbed_tracks()
    for track in tracks:
        pipeline.push(sessions.opened(track))
    edges = sorted({at for at, _ in phases} | set(np.arange(piece_s, 22.0, piece_s).tolist()) | {22.0})
    done = [0, 0, 0]
    for edge in edges:
        if interrupt_at is not None and edge >= interrupt_at:
            pipeline, before, interrupt_at = sessions.pipeline(*MODALITIES), pipeline, None
            pipeline.restore(before.snapshot(), before.open_streams)
        for number, track in enumerate(tracks):
            stop = int(np.searchsorted(track.stamps, sessions.START + edge))
            if stop > done[number]:
                pipeline.push(track.block(done[number], stop, sessions.START + edge))
                done[number] = stop
        for at, parts in phases:
            if at == edge:
                pipeline.push(Control(LEARN, learning_payload(parts, f"at {at}"), sessions.START + at))
    return pipeline


@functools.cache
def calibrated_at_once() -> Profile:
    return Profile.from_pipeline(calibrated(30.0))


def test_each_part_is_learned_in_its_phase_alone() -> None:
    profile = calibrated_at_once()
    assert list(profile.parts) == list(MODALITIES), "nobody told the fusion to learn"
    eeg, face, voice = (profile.parts[modality] for modality in MODALITIES)
    assert [part["seconds"] for part in (eeg, face)] == pytest.approx([11.6, 11.6], abs=0.25)
    assert 3.0 < voice["seconds"] < 5.7
    # Noise of 12 µV, 1/f² above its corner, average reference; the four times louder time around it would add
    # ln 4 = 1.4 nats. The filter's skirts add some, as there is more below the band than in it.
    share = 2 / np.pi * (np.arctan(14 / CORNER_HZ) - np.arctan(8 / CORNER_HZ))
    alpha_uv2 = 12.0**2 * share * (1 - 1 / len(sessions.EEG_LABELS))
    for entropy in eeg["baseline"].values():
        assert entropy[2] == pytest.approx(0.5 * np.log(2 * np.pi * np.e * alpha_uv2), abs=0.25)
    undisturbed = Profile.from_pipeline(calibrated(30.0, tracks=plain_tracks())).parts
    assert face["neutral"] == undisturbed["face"]["neutral"]
    # The sound around the phase is 12 dB louder; the level's running mean of these 4 s still has its prior in it.
    assert voice["mean"][64] == pytest.approx(undisturbed["voice"]["mean"][64], abs=1.0)


@settings(max_examples=3, deadline=None)
@example(piece_s=0.9, interrupt_at=13.5)
@example(piece_s=30.0, interrupt_at=20.0)
@given(piece_s=st.floats(0.05, 3.0), interrupt_at=st.none() | st.floats(0.5, 21.0))
def test_how_a_calibration_is_cut_or_resumed_changes_no_byte(piece_s: float, interrupt_at: float | None) -> None:
    assert Profile.from_pipeline(calibrated(piece_s, interrupt_at)).payload == calibrated_at_once().payload


def test_a_phase_that_is_repeated_begins_with_nothing() -> None:
    again = (*PHASES[:2], (8.0, ("eeg",)), *PHASES[2:])
    parts = calibrated(30.0, phases=again).learned()
    assert "eeg" not in parts, "5.1 s are too short"
    assert calibrated(30.0, phases=again).learned_s()["eeg"] == pytest.approx(5.1, abs=0.25)
    assert calibrated(30.0, phases=again).learned_s()["face"] == pytest.approx(6.5, abs=0.25), "frozen when it was told"


def test_learning_ends_the_use_of_a_profile() -> None:
    pipeline = with_profile(learned())
    run(pipeline, 2.0)
    pipeline.push(Control(LEARN, learning_payload(["eeg", "fusion"]), sessions.START + 2.0))
    assert pipeline.learned() == {}
    assert pipeline._fusion.state.conflict.is_learning
    pipeline.push(Control(PROFILE, learned().payload, sessions.START + 2.0))
    assert Profile.from_pipeline(pipeline) == learned()


def test_the_learners_are_told_in_a_notice() -> None:
    pipeline = sessions.pipeline("eeg")
    pipeline.push(Control(LEARN, learning_payload(["eeg"], "rest"), 3.0))
    (notice,) = pipeline.take_notices()
    assert (notice.kind, notice.text, notice.details) == ("learning", "rest", {"parts": ["eeg"]})


@pytest.mark.parametrize(
    "payload",
    ["", "[" * 100_000, "[]", "{}", '{"parts": ["nose"], "phase": ""}', '{"parts": [[]], "phase": ""}',
     '{"parts": "eeg", "phase": ""}', '{"parts": [], "phase": 1}'],
)  # fmt: skip
def test_learners_that_are_told_wrongly_are_refused(payload: str) -> None:
    pipeline = sessions.pipeline("eeg")
    with pytest.raises(ConfigError, match="Who is to learn is told as"):
        pipeline.push(Control(LEARN, payload, 0.0))


def test_what_is_said_about_a_profile_stays_in_its_file(tmp_path: Path) -> None:
    told = dataclasses.replace(learned(), about={"made": "today", "quality": {"eeg": 0.9}})
    told.save(tmp_path / "told.json")
    read = load_profile(tmp_path / "told.json")
    assert read == told
    assert (read.payload, read.sha256) == (learned().payload, learned().sha256)


def test_a_profile_that_cannot_be_written_whole_is_not_there(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))  # as on a full disk; Python ignores the signal
    try:
        with pytest.raises(ConfigError, match="cannot be written"):
            learned().save(tmp_path / "profile.json")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []


def jittered(track: sessions.Track) -> sessions.Track:
    """The track as a device sends it: stamped by pieces of 20 ms, each a little late."""
    piece = max(1, round(0.02 * track.info.nominal_rate_hz))
    late_s = np.random.default_rng(7).exponential(0.0003, len(track.stamps) // piece + 1)
    stamps = track.stamps + 0.000_731 + np.repeat(late_s, piece)[: len(track.stamps)]
    return dataclasses.replace(track, stamps=stamps)


def scored_from(tracks: list[sessions.Track], start: float, piece_s: float) -> dict[int, Score]:
    """Every tick's score on complete data, by a session that began to listen at `start`."""
    pipeline = with_profile(learned())
    for track in tracks:
        pipeline.push(sessions.opened(track))
    at = [int(np.searchsorted(track.stamps, start)) for track in tracks]
    scores = {}
    for tick in range(tick_at_or_before(start) + 1, tick_at_or_before(tracks[0].stamps[-1] - 0.1)):
        for number, track in enumerate(tracks):
            stop = int(np.searchsorted(track.stamps, tick_time(tick) + 0.1))
            while at[number] < stop:
                to = min(stop, at[number] + round(piece_s * (track.info.nominal_rate_hz or sessions.FACE_RATE_HZ)))
                pipeline.push(track.block(at[number], to, float(track.stamps[to - 1]) + 0.01))
                at[number] = to
        now = tick_time(tick) + 0.1
        score = pipeline.carry_out(Plan(tick, now, "complete", pipeline.complete_plans(tick_time(tick))))
        assert score is not None
        scores[tick] = score
    return scores


def test_with_it_the_start_of_listening_does_not_matter_half_a_minute_later() -> None:
    tracks = [jittered(sessions.MAKERS[modality](42.0)) for modality in MODALITIES]
    early = scored_from(tracks, sessions.START, 0.1)
    late = scored_from(tracks, sessions.START + 5.7731, 0.073)
    settled = [tick for tick in late if tick_time(tick) >= sessions.START + 36.0]
    assert len(settled) >= 28
    for tick in settled:
        one, other = early[tick], late[tick]
        assert set(one.features) == set(other.features) == set(MODALITIES)
        for modality, feature in one.features.items():
            for name, values in feature.inputs.items():
                np.testing.assert_allclose(values, other.features[modality].inputs[name], rtol=0, atol=1e-5)
            for name, value in feature.cues.items():
                assert other.features[modality].cues[name] == pytest.approx(value, abs=1e-5), name
        np.testing.assert_allclose(one.values, other.values, rtol=0, atol=1e-4)


def test_a_snapshot_and_a_change_of_the_sounds_rate_keep_it() -> None:
    pipeline, resumed = with_profile(learned()), sessions.pipeline(*MODALITIES)
    run(pipeline, 2.0)
    resumed.restore(pipeline.snapshot(), pipeline.open_streams)
    resumed.push(sessions.opened(sessions.voice(1.0, rate_hz=48_000.0)))
    assert Profile.from_pipeline(resumed) == learned()


def test_only_what_was_seen_long_enough_is_learned() -> None:
    pipeline = sessions.pipeline(*MODALITIES)
    with pytest.raises(ConfigError, match="nothing to save"):
        Profile.from_pipeline(pipeline)
    run(pipeline, 2.0)
    with pytest.raises(ConfigError, match="nothing to save"):
        Profile.from_pipeline(pipeline)
    only_voice = Profile({"voice": learned().parts["voice"]})
    pipeline.push(Control(PROFILE, only_voice.payload, sessions.START + 2.0))
    assert Profile.from_pipeline(pipeline).parts["voice"] == only_voice.parts["voice"]
    assert set(Profile.from_pipeline(pipeline).parts) == {"voice", "fusion"}
    (notice,) = [notice for notice in pipeline.take_notices() if notice.kind == "profile"]
    assert (notice.text, notice.details) == (only_voice.sha256, {"parts": ["voice"]})


def test_a_profile_of_other_features_is_refused() -> None:
    part = {**learned().parts["eeg"], "contract": "0" * 64}
    with pytest.raises(ConfigError, match="eeg part of the profile was learned with other features"):
        sessions.pipeline("eeg").push(Control(PROFILE, Profile({"eeg": part}).payload, 0.0))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is no JSON"),
        (b"\xff\xfe\x00", "is no JSON"),
        (b"[" * 100_000, "is no JSON"),
        (b'{"a": 1' + b" " * (1 << 20), "larger than 1 MiB"),
        (b"[1]", "it is no profile"),
        (b'{"eeg": {}}', "it is no profile"),
        (b'{"streamsense_profile": 2}', "version 2, expected 1"),
        (b'{"streamsense_profile": 1, "nose": {}}', "'nose': dict, expected a part for each of eeg, face, voice,"),
        (b'{"streamsense_profile": 1, "eeg": [1]}', "has 'eeg': list, expected"),
        (b'{"streamsense_profile": 1, "about": [1]}', "has 1 entries as 'about', expected"),
        (b'{"streamsense_profile": 1, "about": {"made": NaN}}', r"is no JSON \(NaN is no number"),
        (b'{"streamsense_profile": 1, "eeg": {"seconds": -1e999}}', r"is no JSON \(-1e999 is no number"),
    ],
)  # fmt: skip
def test_files_that_are_no_profile_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "profile.json"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        load_profile(path)
    with pytest.raises(ConfigError, match="cannot be read"):
        load_profile(tmp_path / "missing.json")


@pytest.mark.parametrize(
    ("modality", "name", "value", "message"),
    [
        ("eeg", "baseline", [1], "1 entries as 'baseline', expected entries by name"),
        ("eeg", "baseline", {"Nose": [1.0] * 5}, "baseline for 'Nose', expected names of electrodes"),
        ("eeg", "baseline", {"Cz": [1.0] * 4}, "4 entries as 'Cz', expected a list of 5 finite numbers"),
        ("eeg", "weight", None, "nothing as 'weight', expected a finite number"),
        ("eeg", "weight", True, "as 'weight', expected a finite number"),
        ("eeg", "weight", float("inf"), "Infinity is no number"),
        ("eeg", "weight", 10**400, "a number as 'weight', expected a finite number"),
        ("face", "neutral", {}, "expected a finite number"),
        ("face", "usual_gaze_deg", ["up", 1.0], "2 entries as 'usual_gaze_deg', expected a list of 2 finite numbers"),
        ("voice", "mean", {"a": 1}, "1 entries as 'mean'"),
        ("voice", "variance", [0.0] * 66, "not above 0"),
        ("fusion", "habitual_discord", "much", "'much' as 'habitual_discord', expected entries by name"),
        ("fusion", "habitual_discord", {"eeg_face": "much"}, "'much' as 'eeg_face', expected a finite number"),
    ],
)  # fmt: skip
def test_parts_that_do_not_hold_what_they_should_are_refused(modality, name, value, message) -> None:
    part = {**learned().parts[modality], name: value}
    text = json.dumps({"streamsense_profile": 1, modality: part})
    pipeline = sessions.pipeline(*(name for name in MODALITIES if modality in (name, "fusion")))
    with pytest.raises(ConfigError, match=message):
        pipeline.push(Control(PROFILE, text, 0.0))
