"""`make conflict` without its pictures and sounds: the scenes, the figures and the verdicts on made-up experts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.conflict import as_json, criteria, fused, mean_fusion, oracle, print_all, tables
from benchmarks.conflict_scenes import CONFLICT, CONSISTENT, Told, play_scenes, scenes_of, together
from benchmarks.real_parts import (
    SCENE_TICKS,
    SETTLED_TICK,
    SHOWN,
    Parts,
    Person,
    Trace,
    blocks_of,
    place_of,
    voice_parts,
)
from benchmarks.spoiling import SPOILED, Spoiled, clipped_sound, flat_electrodes, lost, noisy_sound
from streamsense.fusion.combination import Opinion
from streamsense.fusion.emotions import EMOTIONS
from streamsense.runtime.assembly import load_fusion
from streamsense.streams import Modality
from streamsense.ticks import HOP_S
from streamsense.training.voice_clips import emodb_clips

SD = 0.25


def opinion(place: np.ndarray, known: tuple[float, float, float], tick: int, quality: float = 1.0) -> Opinion:
    return Opinion(
        place * known, np.full(3, 2 * np.log(SD)), np.zeros(len(EMOTIONS)), np.array(known), np.zeros(len(EMOTIONS)),
        1.0, quality, 0.2, {}, tick * HOP_S,
    )  # fmt: skip


def parts_of(seed: int, *, lies: tuple[Modality, float] | None = None) -> Parts:
    """Experts that err by SD; one of them lies, and is believed by so much."""
    rng, said = np.random.default_rng(seed), {}
    knows: dict[Modality, tuple[float, float, float]] = {"face": (1, 1, 1), "voice": (1, 1, 1), "eeg": (0, 1, 0)}
    for modality, known in knows.items():
        shown = {name: place_of(name) for name in SHOWN} if modality != "eeg" else {
            "rest": np.array([0, -0.3, 0]), "work": np.array([0, 0.5, 0])
        }  # fmt: skip
        for name, place in shown.items():
            error = rng.normal(0, SD, 3)
            lie, quality = (-2 * place, lies[1]) if lies and lies[0] == modality else (0.0, 1.0)
            said[modality, name, 0] = tuple(
                opinion(np.clip(place + error + lie, -1, 1), known, tick, quality) for tick in range(1, SCENE_TICKS + 1)
            )
    return Parts(said)


@pytest.fixture(scope="module")
def told() -> dict[str, Told]:
    """Three people: as they are, with a voice that lies and is not believed, and with one that lies and is."""
    model, found = load_fusion(), {"": [], "voice: found out": [], "voice: believed": []}
    for seed in range(3):
        for name, parts in (
            ("", parts_of(seed)),
            ("voice: found out", parts_of(seed, lies=("voice", 0.0))),
            ("voice: believed", parts_of(seed, lies=("voice", 1.0))),
        ):
            scenes = scenes_of(parts, np.random.default_rng(seed), with_conflict=not name)
            found[name].append(play_scenes(parts, scenes, model, f"person {seed}"))
    return {name: together(several) for name, several in found.items()}


def test_scenes_are_what_they_are_called(told: dict[str, Told]) -> None:
    clean = told[""]
    apart = np.abs(np.diff(clean.truths[:, :, 0], axis=1)).ravel() > 0
    np.testing.assert_array_equal(apart, clean.kind == CONFLICT)
    assert (told["voice: believed"].kind == CONSISTENT).all()
    assert len(clean.fused) == 3 * (6 + 8) * (SCENE_TICKS - SETTLED_TICK + 1)


def test_the_verdicts_tell_a_lie_that_is_believed_from_one_that_is_not(
    told: dict[str, Told], capsys: pytest.CaptureFixture[str]
) -> None:
    judged = criteria(told)
    of = {one.text.partition(":")[0] + one.text.partition(":")[2].partition(":")[0][:22]: one.holds for one in judged}
    believed = [one for one in judged if one.text.startswith("voice: believed, valence")]
    found_out = [one for one in judged if one.text.startswith("voice: found out, valence")]
    assert [one.holds for one in believed + found_out] == [False, True], of
    discord = [one for one in judged if "area of discord" in one.text]
    assert discord[0].holds
    print_all(tables(told), judged)
    printed = capsys.readouterr().out
    assert printed.count("FAILS") == sum(not one.holds for one in judged) > 0
    assert set(json.loads(json.dumps(as_json(tables(told), judged)))) == {"tables", "criteria"}


def test_the_oracle_is_never_worse_than_any_mean_of_the_experts(told: dict[str, Told]) -> None:
    for one in told.values():
        assert oracle(one, 0) <= mean_fusion(one, 0)
    agreeing = told[""].rows(told[""].kind == CONSISTENT)
    assert fused(agreeing, 0) < fused(told["voice: believed"], 0)


def test_what_spoils_does_it_alike_each_time_and_only_as_it_says() -> None:
    sound = np.sin(np.arange(2205) / 7).astype(np.float32) * np.float32(0.1)
    noisy = noisy_sound(0.0)(sound, 22050.0, 3)
    np.testing.assert_array_equal(noisy, noisy_sound(0.0)(sound, 22050.0, 3))
    assert np.std(noisy - sound) == pytest.approx(np.std(sound), rel=0.1)
    assert np.mean(np.abs(clipped_sound(0.2)(sound, 22050.0, 0)) >= 1) == pytest.approx(0.2, abs=0.02)
    eeg = np.random.default_rng(0).normal(size=(100, 10)).astype(np.float32)
    assert (np.ptp(flat_electrodes(0.8)(eeg, 500.0, 1), axis=0) == 0).sum() == 8
    assert 0.05 < lost(np.arange(1000.0), 0.9, 1).mean() < 0.15
    assert {way.modality for way in SPOILED} == {"voice", "face", "eeg"}


def test_traces_begin_and_end_with_their_scene_and_blocks_hold_every_sample_once() -> None:
    sizes = Trace.of("happy", np.random.default_rng(0)).at(np.array([-1.0, 0.0, 2.0, 4.9, 5.1]))
    assert set(sizes) == {6, 12}
    for shown in sizes.values():
        assert shown[[0, 1, 4]].tolist() == [0, 0, 0]
        assert (shown[2:4] > 1).all()
    stamps = np.arange(250) / 100
    blocks = list(blocks_of("voice", stamps[:, None].astype(np.float32), stamps, 2.4))
    assert sum(map(len, blocks)) == 240
    assert all((block.stamps < block.received).all() for block in blocks)


@pytest.mark.real_data
def test_sudden_noise_is_noticed_in_a_real_voice(data_folder: Path) -> None:
    clips = [clip for clip in emodb_clips(data_folder / "emodb") if clip.speaker == "10"]
    person = Person("10", "", 1, Path("voice_emotion"), Path())
    for way, lowest, highest in ((None, 0.8, 1.0), (Spoiled("", sound=noisy_sound(0.0)), 0.0, 0.2)):
        said = voice_parts(person, clips, way).said
        settled = [one.quality for opinions in said.values() for one in opinions[SETTLED_TICK:]]
        assert lowest <= float(np.mean(settled)) <= highest
