"""A participant's profile: learned, saved, read with suspicion, and used from the first sample on."""

from __future__ import annotations

import dataclasses
import functools
import json
from pathlib import Path

import numpy as np
import pytest

from streamsense.errors import ConfigError
from streamsense.pipeline import Pipeline
from streamsense.profile import PROFILE, Profile, load_profile
from streamsense.score import Plan, Score
from streamsense.streams import MODALITIES, Control
from streamsense.ticks import tick_at_or_before, tick_time
from tests.helpers import sessions


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


def test_it_counts_from_the_first_sample_on_and_stays() -> None:
    pipeline = with_profile(learned())
    _, first, *_, last = run(pipeline, 6.0, seed=3)
    without = run(sessions.pipeline(*MODALITIES), 6.0, seed=3)[1]
    for score in (first, last):
        eeg, face = score.features["eeg"], score.features["face"]
        assert eeg.inputs["baseline_weight"] == pytest.approx(10.9 / 20, abs=0.01)  # 12 s less the warm-up, of 20 s
        assert "neutral face not settled" not in face.reasons
    assert pipeline._fusion.state.ambivalence.habitual_discord == learned().parts["fusion"]["habitual_discord"]
    assert without.features["eeg"].inputs["baseline_weight"] < 0.02
    assert "neutral face not settled" in without.features["face"].reasons
    assert Profile.from_pipeline(pipeline) == learned()


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
        ("eeg", "weight", float("inf"), "inf as 'weight', expected a finite number"),
        ("eeg", "weight", 10**400, "a number as 'weight', expected a finite number"),
        ("face", "neutral", {}, "expected a finite number"),
        ("face", "usual_gaze_deg", ["up", 1.0], "2 entries as 'usual_gaze_deg', expected a list of 2 finite numbers"),
        ("voice", "mean", {"a": 1}, "1 entries as 'mean'"),
        ("voice", "variance", [0.0] * 66, "not above 0"),
        ("fusion", "habitual_discord", "much", "'much' as 'habitual_discord', expected a finite number"),
    ],
)  # fmt: skip
def test_parts_that_do_not_hold_what_they_should_are_refused(modality, name, value, message) -> None:
    part = {**learned().parts[modality], name: value}
    text = json.dumps({"streamsense_profile": 1, modality: part})
    pipeline = sessions.pipeline(*(name for name in MODALITIES if modality in (name, "fusion")))
    with pytest.raises(ConfigError, match=message):
        pipeline.push(Control(PROFILE, text, 0.0))
