from __future__ import annotations

import copy
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsense.errors import SourceError
from streamsense.features.action_units import ACTION_UNIT_INDEX, RELIABILITY
from streamsense.features.face_features import FaceFeatures, FaceFeatureSettings
from streamsense.features.face_vector import (
    BLENDSHAPE_START,
    BLENDSHAPES,
    FIELD_INDEX,
    FRONT_ENDS,
    GEOMETRY_START,
    FrontEnd,
    face_vector_labels,
    face_vector_units,
)
from streamsense.features.face_windows import ROW_LENGTH, TRACKED, UNITS_AT, count_onsets
from streamsense.features.head_and_gaze import HEAD_AND_GAZE
from streamsense.streams import Feature, StreamInfo, TimedBlock
from tests.features.test_action_units import MOVES, UPPER_LID, moved
from tests.helpers.face_pictures import astronaut_vector

FRAME_S = 1 / 30
START = 1000.0


def still(frames: int) -> np.ndarray:
    """Vectors (frames, channels) of a still, frontal face that looks straight ahead."""
    vectors = np.tile(astronaut_vector(), (frames, 1))
    for name in FIELD_INDEX:
        if name.endswith("_deg"):
            vectors[:, FIELD_INDEX[name]] = 0
    vectors[:, FIELD_INDEX["sharpness"]] = 200
    return vectors


def moving(frames: int, seed: int) -> np.ndarray:
    """A face that moves at random, and is lost now and then."""
    rng = np.random.default_rng(seed)
    vectors = still(frames)
    walk = rng.normal(0, 0.5, (frames, BLENDSHAPE_START - GEOMETRY_START)).cumsum(axis=0) * 0.3
    vectors[:, GEOMETRY_START:BLENDSHAPE_START] += walk.astype(np.float32)
    for name in ("yaw_deg", "pitch_deg", "gaze_left_yaw_deg", "gaze_right_pitch_deg", "brightness"):
        vectors[:, FIELD_INDEX[name]] += rng.normal(0, 8, frames).astype(np.float32)
    vectors[rng.random(frames) < 0.1] = 0
    return vectors


def pushed(vectors: np.ndarray, times: np.ndarray | None = None, operator: FaceFeatures | None = None) -> FaceFeatures:
    operator = operator or FaceFeatures()
    times = START + np.arange(len(vectors)) * FRAME_S if times is None else times
    operator.push(TimedBlock("face", 0, times, vectors))
    return operator


def bits(feature: Feature) -> tuple[object, ...]:
    numbers = [feature.validity, feature.quality, feature.last_time, feature.effective_time, *feature.cues.values()]
    return (
        np.array([*numbers, *feature.beside.values()]).tobytes(),
        (*feature.cues, *feature.beside),
        feature.reasons,
        *((name, values.dtype, values.tobytes()) for name, values in feature.inputs.items()),
    )


@settings(max_examples=10, deadline=None)
@given(
    front_end=st.sampled_from(FRONT_ENDS),
    seed=st.integers(0, 2**32 - 1),
    cuts=st.lists(st.integers(0, 150), max_size=12),
    at=st.floats(0, 7),
)
def test_cutting_and_what_comes_after_the_tick_change_nothing(
    front_end: FrontEnd, seed: int, cuts: list[int], at: float
) -> None:
    vectors = moving(150, seed)
    if front_end == "mesh478_blendshapes":
        vectors = np.hstack([vectors, np.random.default_rng(seed).random((150, len(BLENDSHAPES)), np.float32)])
    steps = np.random.default_rng(seed).uniform(0.01, 0.06, 150)
    times = START + steps.cumsum()
    segments = np.where(np.arange(150) < 90, 0, 1)
    tick = START + at

    def fed(edges: list[int], until: float = math.inf) -> FaceFeatures:
        operator = FaceFeatures(front_end)
        for first, last in zip([0, *edges], [*edges, 150], strict=True):
            for segment in (0, 1):
                chosen = np.flatnonzero((segments[first:last] == segment) & (times[first:last] < until)) + first
                operator.push(TimedBlock("face", segment, times[chosen], vectors[chosen]))
        return operator

    whole = bits(fed([]).feature_at(tick))
    assert bits(fed(sorted(cuts)).feature_at(tick)) == whole
    one_by_one = fed(list(range(1, 150)))
    assert bits(one_by_one.feature_at(tick)) == whole
    assert bits(one_by_one.feature_at(tick)) == whole  # asking changes nothing
    assert bits(fed([], until=tick).feature_at(tick)) == whole


def test_state_carries_everything() -> None:
    vectors = moving(300, 7)
    times = START + np.arange(300) * FRAME_S
    first = pushed(vectors[:200], times[:200])
    second = FaceFeatures()
    second.state = copy.deepcopy(first.state)
    for operator in (first, second):
        operator.push(TimedBlock("face", 0, times[200:], vectors[200:]))
    assert bits(first.feature_at(times[-1])) == bits(second.feature_at(times[-1]))


def test_inputs_of_a_smile_that_grows() -> None:
    vectors = still(600)
    for index in range(540, 600):
        grown = {points: tuple(v * (index - 540) / 60 for v in by) for points, by in MOVES[12][0].items()}
        vectors[index] = moved(vectors[index], grown)  # type: ignore[arg-type]
    feature = pushed(vectors).feature_at(START + 600 * FRAME_S)
    table, mask = feature.inputs["action_units"], feature.inputs["action_unit_mask"]
    assert table.shape == (19, 4)
    assert table.dtype == mask.dtype == np.float32
    assert mask.tolist() == pytest.approx(list(RELIABILITY.values()))
    level, sd, slope, asymmetry = table[ACTION_UNIT_INDEX[12]]
    assert 1 < level < 3
    assert sd > 0.5
    assert slope == pytest.approx(sd * math.sqrt(12) / 2, rel=0.15)  # a straight line over 2 s
    assert abs(asymmetry) < 0.3
    assert table[ACTION_UNIT_INDEX[15]].tolist() == [0, 0, 0, 0]
    assert (feature.validity, feature.quality, feature.reasons) == (pytest.approx(1), 1, ())
    assert feature.last_time == START + 599 * FRAME_S
    assert feature.effective_time == START + 600 * FRAME_S - 1
    half = pushed(np.array([moved(v, MOVES[12][0], ("left",)) if i > 500 else v for i, v in enumerate(still(600))]))
    assert half.feature_at(START + 20).inputs["action_units"][ACTION_UNIT_INDEX[12], 3] > 1.5


def test_statistics_are_those_of_numpy() -> None:
    vectors = moving(150, 3)
    times = START + np.random.default_rng(3).uniform(0.01, 0.06, 150).cumsum()
    operator = pushed(vectors, times)
    tick = float(times[-1]) + 0.01
    chosen = (operator.state.ring.times[:150] >= tick - 2) & (operator.state.ring.rows[:150, TRACKED] > 0)
    rows = operator.state.ring.rows[:150][chosen]
    left, right = rows[:, UNITS_AT][:, 0::2], rows[:, UNITS_AT][:, 1::2]
    both, since = (left + right) / 2, times[chosen] - times[chosen].mean()
    slope = np.array([np.polyfit(since, unit, 1)[0] for unit in both.T])
    wanted = np.stack([both.mean(axis=0), both.std(axis=0), slope, (left - right).mean(axis=0)], axis=1)
    assert operator.feature_at(tick).inputs["action_units"] == pytest.approx(wanted, abs=1e-5)


def test_the_course_of_the_units_is_the_mean_of_each_step() -> None:
    vectors = moving(150, 4)
    vectors[60:72, FIELD_INDEX["tracked"]] = 0
    times = START + np.random.default_rng(4).uniform(0.01, 0.06, 150).cumsum()
    operator = pushed(vectors, times)
    tick = float(times[100]) + 0.001
    feature = operator.feature_at(tick)
    frames, mask = feature.inputs["action_unit_frames"], feature.inputs["action_unit_frame_mask"]
    assert (frames.shape, mask.shape) == ((20, 19), (20,))
    ring = operator.state.ring
    steps = np.floor((ring.times[:150] - tick) / 0.1).astype(int)  # -1 is the newest
    for back in range(1, 21):
        rows = ring.rows[:150][(steps == -back) & (ring.rows[:150, TRACKED] > 0)]
        wanted = rows[:, UNITS_AT].reshape(len(rows), 19, 2).mean(axis=(0, 2)) if len(rows) else np.zeros(19)
        assert frames[-back] == pytest.approx(wanted, abs=1e-5)
        assert mask[-back] == (len(rows) > 0)
    assert 0 < mask.sum() < 20
    assert not FaceFeatures().feature_at(tick).inputs["action_unit_frame_mask"].any()


def test_the_oldest_frame_of_the_window_is_in_its_course() -> None:
    # a window without a face for its last second counts as empty: so a shorter one is asked for the whole of it
    short = FaceFeatures(settings=FaceFeatureSettings(window_s=0.7))
    short.push(TimedBlock("face", 0, np.array([START]), moving(1, 5)))
    assert short.feature_at(START + 0.7).inputs["action_unit_frame_mask"].tolist() == [1] + [0] * 6


def test_onsets_are_counted_once_each() -> None:
    smiling = moved(still(1)[0], MOVES[12][0])
    vectors = still(600)
    for first in (545, 560, 580):  # the face smiles three times in the last 2 s; once before
        vectors[first : first + 8] = smiling
    vectors[500:510] = smiling
    cues = cues_of(vectors)
    assert cues["au12_onsets"] == 3
    assert cues["au01_onsets"] == 0
    held = still(600)
    held[500:] = smiling
    assert cues_of(held)["au12_onsets"] == 0
    columns = {column.name: column.unit for column in FaceFeatures().columns(())}
    assert columns["au12_onsets"] == "count"


def test_a_unit_that_is_there_when_the_face_comes_back_did_not_begin() -> None:
    smiling = moved(still(1)[0], MOVES[12][0])
    vectors = still(600)
    vectors[560:570] = 0
    vectors[570:] = smiling
    assert cues_of(vectors)["au12_onsets"] == 0


def test_a_level_that_hovers_is_one_onset() -> None:
    levels = (0.4, 1.1, 0.9, 1.1, 0.6, 1.2, 0.4, 0.9, 1.0)
    rows = np.zeros((len(levels), ROW_LENGTH))
    rows[:, TRACKED] = 1
    rows[:, UNITS_AT.start + 6] = rows[:, UNITS_AT.start + 7] = levels
    times = 0.1 * np.arange(len(levels))
    begun = [count_onsets(times[:count], rows[:count], 0.25, (0.5, 1.0))[3] for count in range(1, len(levels) + 1)]
    assert begun == [0, 1, 1, 1, 1, 1, 1, 1, 2]
    # Whether it began before the window is not asked: what depends on the past for ever depends on when one listens.
    assert count_onsets(times[1:], rows[1:], 0.25, (0.5, 1.0))[3] == 1
    assert count_onsets(2 * times, rows, 0.15, (0.5, 1.0))[3] == 0


def test_validity_is_the_share_that_was_there() -> None:
    vectors = still(120)
    vectors[99:] = 0
    assert pushed(vectors).feature_at(START + 4).validity == pytest.approx(0.65, abs=0.02)
    gap = pushed(still(90))  # then nothing after 2.97 s
    assert gap.feature_at(START + 3.8).validity == pytest.approx(1 - (0.83 - 0.25) / 2, abs=0.02)
    late = gap.feature_at(START + 5)
    assert (late.validity, late.quality, late.reasons) == (0, 0, ("no face",))
    assert late.last_time == START + 89 * FRAME_S
    assert not late.inputs["action_units"].any()
    assert not late.inputs["action_unit_mask"].any()
    gone = gap.feature_at(START + 600)
    assert gone.last_time == late.last_time
    assert set(gone.cues.values()) == {0.0}
    never = FaceFeatures().feature_at(START)
    assert math.isnan(never.last_time)
    assert (never.validity, set(never.cues.values())) == (0, {0.0})


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("box_size_px", 40, "face is small"),
        ("brightness", 20, "face is dark"),
        ("brightness", 250, "face is overexposed"),
        ("sharpness", 8, "face is blurred"),
        ("yaw_deg", 45, "face is turned away"),
        ("pitch_deg", -35, "face is turned away"),
        ("face_count", 2, "more than one face"),
        ("colour_change", 0.1, "face is occluded"),
        ("face_score", 0.7, "face is occluded"),
        ("outside", 0.2, "face is cut off at the picture's border"),
    ],
)
def test_quality_says_why(name: str, value: float, reason: str) -> None:
    vectors = still(450)
    good = pushed(vectors).feature_at(START + 15)
    assert (good.quality, good.reasons) == (1, ())
    vectors[360:, FIELD_INDEX[name]] = value
    bad = pushed(vectors).feature_at(START + 15)
    assert bad.quality < 0.9
    assert bad.reasons == (reason,)


def test_a_new_face_is_trusted_less_until_its_neutral_has_settled() -> None:
    operator = pushed(still(450))
    qualities = [operator.feature_at(START + seconds).quality for seconds in (1, 4, 8, 12)]
    assert qualities == sorted(qualities)
    assert qualities[0] < 0.6
    assert qualities[-1] == 1
    assert "neutral face not settled" in operator.feature_at(START + 4).reasons
    profiled = FaceFeatures()
    profiled.use_profile(operator.learned())
    assert pushed(still(30), operator=profiled).feature_at(START + 1).quality == 1


def cues_of(vectors: np.ndarray) -> dict[str, float]:
    return pushed(vectors).feature_at(START + len(vectors) * FRAME_S).cues


def test_cues_of_a_still_face_are_none() -> None:
    cues = cues_of(still(600))
    assert cues.pop("gaze_offset") < 0.5, "half a bin of the histogram in each direction"
    assert set(cues.values()) == {0.0}


def test_an_expression_that_comes_and_stays_is_no_wavering() -> None:
    vectors = still(900)
    vectors[780:] = moved(moved(vectors[0], MOVES[1][0]), MOVES[12][0])
    assert cues_of(vectors)["brow_variability"] == cues_of(vectors)["action_unit_variability"] == 0.0
    vectors[820:] = vectors[0]
    assert cues_of(vectors)["brow_variability"] > 0.3
    assert cues_of(vectors)["action_unit_variability"] > 0.1


def test_gaze_offset_and_head_tilt_are_means_in_degrees() -> None:
    vectors = still(900)
    vectors[750:, FIELD_INDEX["roll_deg"]] = -7.0
    vectors[840:, FIELD_INDEX["gaze_left_yaw_deg"]] = vectors[840:, FIELD_INDEX["gaze_right_yaw_deg"]] = 8.0
    cues = cues_of(vectors)
    assert cues["head_tilt"] == pytest.approx(-7.0)
    assert cues["gaze_offset"] == pytest.approx(8 * 60 / 150, abs=0.5)
    assert cues["gaze_aversion"] == 0.0, "not as far away as that"


def test_head_shake_is_the_yaw_between_half_and_three_hertz() -> None:
    times = np.arange(900) * FRAME_S

    def shake(hertz: float) -> float:
        vectors = still(900)
        vectors[:, FIELD_INDEX["yaw_deg"]] = 10 * np.sin(2 * math.pi * hertz * times)
        return cues_of(vectors)["head_shake"]

    assert shake(1.5) == pytest.approx(10 / math.sqrt(2), rel=0.35)
    assert shake(0.05) < 1.5
    assert shake(10) < shake(1.5) / 2


def test_gaze_aversion_counts_looks_away_from_the_usual() -> None:
    vectors = still(900)
    vectors[:, FIELD_INDEX["gaze_left_yaw_deg"]] = vectors[:, FIELD_INDEX["gaze_right_yaw_deg"]] = 8  # personal offset
    assert cues_of(vectors)["gaze_aversion"] == 0
    for eye in ("left", "right"):
        vectors[840:, FIELD_INDEX[f"gaze_{eye}_yaw_deg"]] = 30
    assert cues_of(vectors)["gaze_aversion"] == pytest.approx(60 / 150, abs=0.02)


def test_eyes_closed_for_long_and_a_blink() -> None:
    closed = moved(still(1)[0], {UPPER_LID: (0, -9, 0)})
    vectors = still(900)
    vectors[820:826] = closed  # a blink of 200 ms
    assert cues_of(vectors)["eye_closure"] == 0
    vectors[840:870] = closed  # 1 s, of which 0.4 s are an ordinary closure
    assert cues_of(vectors)["eye_closure"] == pytest.approx(0.6 / 5, abs=0.02)


def test_brows_lips_and_smiles_without_cheeks() -> None:
    vectors = still(900)
    vectors[780::2] = moved(vectors[0], MOVES[1][0])
    assert cues_of(vectors)["brow_variability"] > 0.3
    vectors = still(900)
    vectors[780:] = moved(vectors[0], MOVES[24][0])
    assert cues_of(vectors)["lip_press"] > 0.2
    vectors = still(900)
    vectors[780:] = moved(vectors[0], MOVES[12][0])
    social = cues_of(vectors)["smile_without_cheek"]
    assert social > 0.3
    vectors[780:] = moved(vectors[780], MOVES[6][0])
    assert cues_of(vectors)["smile_without_cheek"] < social - 0.2


def test_head_and_gaze_are_means_of_what_the_edge_gave() -> None:
    vectors = moving(150, 5)
    vectors[:, FIELD_INDEX["roll_deg"]] = vectors[:, FIELD_INDEX["pitch_deg"]] / 2 + 3
    operator = pushed(vectors)
    tick = START + 150 * FRAME_S
    seen = vectors[START + np.arange(150) * FRAME_S >= tick - 2].astype(np.float64)
    seen = seen[seen[:, FIELD_INDEX["tracked"]] > 0]
    assert 10 < len(seen) < 60, "some frames have no face"
    found = operator.feature_at(tick).beside
    assert list(found) == list(HEAD_AND_GAZE)
    for name in ("yaw_deg", "pitch_deg", "roll_deg", "x_mm", "y_mm", "z_mm"):
        assert found[f"head_{name}"] == pytest.approx(seen[:, FIELD_INDEX[name]].mean(), abs=1e-9)
    assert found["head_z_mm"] > 300, "a face that is as far away as one sits"
    # Of each eye one angle moves, the other is 0, which is no hidden iris.
    for name, eye in (("gaze_yaw_deg", "left"), ("gaze_pitch_deg", "right")):
        both = [name.replace("gaze", f"gaze_{side}") for side in ("left", "right")]
        wanted = sum(seen[:, FIELD_INDEX[one]] for one in both) / 2
        assert np.ptp(seen[:, FIELD_INDEX[name.replace("gaze", f"gaze_{eye}")]]) > 1
        assert found[name] == pytest.approx(wanted.mean(), abs=0.5)


def test_the_gaze_is_that_of_open_eyes() -> None:
    closed = moved(still(1)[0], {UPPER_LID: (0, -9, 0)})
    vectors = still(600)
    vectors[:, FIELD_INDEX["gaze_left_yaw_deg"]], vectors[:, FIELD_INDEX["gaze_right_yaw_deg"]] = 10, 20
    end = START + 600 * FRAME_S
    assert pushed(vectors).feature_at(end).beside["gaze_yaw_deg"] == pytest.approx(15)
    hidden = vectors.copy()
    hidden[570:, FIELD_INDEX["gaze_left_yaw_deg"]] = 0  # so the edge says that it cannot be seen
    assert pushed(hidden).feature_at(end).beside["gaze_yaw_deg"] == pytest.approx((15 + 20) / 2, abs=0.1)
    blinks = vectors.copy()
    blinks[560:580] = closed
    blinks[560:580, FIELD_INDEX["gaze_left_yaw_deg"]] = 60
    assert pushed(blinks).feature_at(end).beside["gaze_yaw_deg"] == pytest.approx(15)
    blinks[500:] = closed
    found = pushed(blinks).feature_at(end).beside
    assert "gaze_yaw_deg" not in found
    assert "head_yaw_deg" in found
    blinks[500:] = 0
    assert pushed(blinks).feature_at(end).beside == {}


def test_a_clock_set_back_begins_anew() -> None:
    operator = pushed(still(60))
    operator.push(TimedBlock("face", 1, START - 500 + np.arange(60) * FRAME_S, still(60)))
    assert operator.feature_at(START - 498).validity == pytest.approx(1)
    assert operator.feature_at(START + 2).validity == 0


def test_numbers_that_are_none_count_as_no_face() -> None:
    vectors = still(60)
    vectors[:, GEOMETRY_START] = np.nan
    feature = pushed(vectors).feature_at(START + 2)
    assert feature.validity == 0
    assert all(np.isfinite(values).all() for values in feature.inputs.values())


def info(front_end: FrontEnd) -> StreamInfo:
    labels = face_vector_labels(front_end)
    return StreamInfo("face", "face", "cam", "Face", "id", labels, face_vector_units(front_end), 0.0, "float32")


def test_the_stream_must_be_of_the_front_end() -> None:
    assert FaceFeatures("mesh478_blendshapes").open(info("mesh478_blendshapes")) == ()
    with pytest.raises(SourceError, match="carries the vectors of front end mesh478_blendshapes"):
        FaceFeatures("mesh468_iris").open(info("mesh478_blendshapes"))
    other = StreamInfo("face", "face", "cam", "Video", "id", ("a",), ("px",), 30.0, "float32")
    with pytest.raises(SourceError, match="1 other channels"):
        FaceFeatures().open(other)


def test_settings_are_checked() -> None:
    with pytest.raises(ValueError, match="above 0"):
        FaceFeatureSettings(window_s=0)
    with pytest.raises(ValueError, match="frame_s"):
        FaceFeatureSettings(frame_s=3)
    with pytest.raises(ValueError, match="front end"):
        FaceFeatures("mesh")  # type: ignore[arg-type]


def test_contract_is_plain_data() -> None:
    contracts = [FaceFeatures(front_end).contract() for front_end in ("mesh468_iris", "mesh478_blendshapes")]
    texts = [json.dumps(contract, sort_keys=True) for contract in contracts]
    assert texts[0] != texts[1]
    assert json.loads(texts[0])["settings"]["window_s"] == 2.0
