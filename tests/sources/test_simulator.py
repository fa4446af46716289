"""The simulated participant without LSL: its script, and the signals that follow it."""

from __future__ import annotations

import base64
import itertools
import sys
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from streamsense.errors import DependencyError
from streamsense.features.lexicons import ENGLISH
from streamsense.features.word_counts import WordCountState, count_words
from streamsense.fusion.emotions import EMOTIONS
from streamsense.sources.simulator import SCRIPTS, FaceDrive, Participant, Script, State, eeg, face, voice
from streamsense.sources.simulator.face_mesh import LANDMARKS, REGION, moved_vertices, vertices
from streamsense.sources.simulator.frames import FrameReader
from streamsense.sources.simulator.script import ACTION_UNITS
from streamsense.sources.simulator.words import LATE_S, phrases
from streamsense.sources.words import read_sample

FIVE_STATES = SCRIPTS["five_states"]
CALM = State("calm", 60.0, "neutral", 0.0, 0.0, 0.0, pause_fraction=0.0)


def acting(seed: int = 0, **changes: float) -> Participant:
    """A participant who stays in one state."""
    return Participant(Script("one", (replace(CALM, **changes),)), seed)  # type: ignore[arg-type]


def place_of(name: str) -> int:
    return list(LANDMARKS).index(name)


# --- script -----------------------------------------------------------------------------------------------


def test_the_usual_script_passes_the_five_states_in_a_minute() -> None:
    assert [state.name for state in FIVE_STATES.states][:5] == ["neutral", "joy", "sadness", "anger", "ambivalence"]
    assert FIVE_STATES.duration_s == 60.0


@given(st.sampled_from(sorted(SCRIPTS)), st.floats(0, 10_000))
def test_truth_stays_in_its_ranges(name: str, time: float) -> None:
    truth = SCRIPTS[name].truth_at(time)
    assert truth.emotion in EMOTIONS
    for value in (truth.valence, truth.arousal, truth.dominance):
        assert -1 <= value <= 1
    assert 0 <= truth.ambivalence <= 1


@given(st.integers(0, 2**20), st.floats(0, 10_000))
@settings(max_examples=50)
def test_the_face_stays_in_its_ranges_and_depends_on_seed_and_time_only(seed: int, time: float) -> None:
    participant = Participant(FIVE_STATES, seed)
    drive = participant.face_at(time)
    assert set(drive.action_units) == {*ACTION_UNITS, 45}
    assert all(0 <= intensity <= 5 for intensity in drive.action_units.values())
    participant.face_at(time / 2)
    assert participant.face_at(time) == drive == Participant(FIVE_STATES, seed).face_at(time)


def test_truth_reaches_each_state_and_changes_smoothly() -> None:
    times = np.arange(0, 120, 0.01)
    (valence,) = FIVE_STATES.tracks(times, ("valence",))
    assert np.abs(np.diff(valence)).max() < 0.03
    for index in range(12):
        begins, state = FIVE_STATES.beginning(index)
        truth = FIVE_STATES.truth_at(begins + state.duration_s - 0.01)
        assert (truth.emotion, truth.valence, truth.arousal) == (state.emotion, state.valence, state.arousal)
        assert FIVE_STATES.state_at(begins) is state


def test_ambivalence_is_a_smile_over_an_angry_voice_with_pauses_and_a_wandering_gaze() -> None:
    participant = Participant(FIVE_STATES)
    times = np.arange(50.0, 56.9, 0.02)
    drives = [participant.face_at(float(time)) for time in times]
    gaze = np.array([drive.gaze_yaw for drive in drives])
    assert min(drive.action_units[12] for drive in drives) > 3
    assert gaze.min() < 2 < 18 < gaze.max()
    spoken = participant.voice_at(times)
    angry = participant.voice_at(np.arange(40.0, 47.9, 0.02))
    assert np.mean(spoken.gate) < 0.6 < np.mean(angry.gate)
    assert np.mean(spoken.pitch_hz) > 230


def test_blinks_are_where_they_are_however_they_are_asked_for() -> None:
    whole = Participant(FIVE_STATES, 3).blinks_between(0, 1000)
    other = Participant(FIVE_STATES, 3)
    other.blinks_between(700, 750)
    pieces = np.concatenate([other.blinks_between(float(start), start + 10.0) for start in range(0, 1000, 10)])
    np.testing.assert_array_equal(whole, pieces)
    assert 2 <= np.diff(whole).min() <= np.diff(whole).max() <= 5
    assert other.lids_closed(float(whole[4]) + 0.1) == 1.0
    assert other.lids_closed(float(whole[4]) + 0.5) == 0.0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"valence": 1.5}, "valence is 1.5"),
        ({"emotion": "merry"}, "'merry'"),
        ({"action_units": ((12, 6.0),)}, "action unit 12 is 6.0"),
        ({"action_units": ((99, 1.0),)}, r"\[99\]"),
        ({"duration_s": float("nan")}, "duration_s is nan"),
    ],
)
def test_a_state_that_cannot_be_acted_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(CALM, **changes)  # type: ignore[arg-type]


# --- EEG and voice ----------------------------------------------------------------------------------------


def eeg_reader(seed: int = 0) -> FrameReader:
    return FrameReader(eeg.EegMaker(Participant(FIVE_STATES, seed)))


def voice_reader(seed: int = 0) -> FrameReader:
    return FrameReader(voice.VoiceMaker(Participant(FIVE_STATES, seed)))


@pytest.mark.parametrize(("make", "frame"), [(eeg_reader, eeg.FRAME_SAMPLES), (voice_reader, voice.FRAME_SAMPLES)])
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_any_cutting_gives_the_same_bytes(make, frame: int, data: st.DataObject) -> None:  # type: ignore[no-untyped-def]
    cuts = data.draw(st.lists(st.integers(0, 3 * frame), max_size=12))
    reader = make()
    pieces = [reader.read(count) for count in cuts]
    assert [len(piece) for piece in pieces] == cuts
    assert reader.next_sample == sum(cuts)
    joined = np.concatenate([*pieces, reader.read(10)])
    assert joined.tobytes() == make().read(sum(cuts) + 10).tobytes()


def test_another_seed_is_another_signal() -> None:
    assert not np.array_equal(eeg_reader(1).read(100), eeg_reader(2).read(100))
    assert not np.array_equal(voice_reader(1).read(1000), voice_reader(2).read(1000))


def test_people_differ_in_voice_face_and_eeg_and_the_average_one_is_seed_0() -> None:
    time = np.array([0.3])
    people = [acting(seed, action_units=((12, 4.0),)) for seed in range(4)]
    pitches = [float(it.voice_at(time).pitch_hz[0]) for it in people]
    smiles = [it.face_at(10.0).action_units[12] for it in people]
    alphas = [float(it.eeg_at(time).alpha_left[0]) for it in people]
    for values, average in ((pitches, None), (smiles, 4.0), (alphas, 1.0)):
        assert len(set(values)) == len(values)
        assert average is None or values[0] == pytest.approx(average)
    assert all(2.8 <= smile <= 4.0 for smile in smiles)
    assert all(200 / 1.6 < pitch < 200 * 1.6 for pitch in pitches)


def band_power(values: np.ndarray, lowest: float, highest: float) -> dict[str, float]:
    frequency, density = signal.welch(values, eeg.RATE_HZ, nperseg=500, axis=0)
    band = (frequency >= lowest) & (frequency < highest)
    return dict(zip(eeg.LABELS, density[band].sum(axis=0), strict=True))


def recorded_eeg(**changes: float) -> np.ndarray:
    return FrameReader(eeg.EegMaker(acting(**changes))).read(40 * 250)


def test_frontal_alpha_asymmetry_follows_valence() -> None:
    def asymmetry(valence: float) -> float:
        power = band_power(recorded_eeg(valence=valence), 8, 13)
        return float(np.log(power["F4"]) - np.log(power["F3"]))

    assert asymmetry(0.8) > 0.3
    assert abs(asymmetry(0.0)) < 0.3
    assert asymmetry(-0.8) < -0.3


def test_arousal_raises_beta_and_lowers_alpha() -> None:
    calm, aroused = recorded_eeg(arousal=-0.8), recorded_eeg(arousal=0.8)
    assert band_power(aroused, 15, 28)["Cz"] > 1.5 * band_power(calm, 15, 28)["Cz"]
    assert band_power(aroused, 9, 11.5)["Pz"] < 0.6 * band_power(calm, 9, 11.5)["Pz"]


def test_eeg_looks_like_eeg() -> None:
    values = recorded_eeg()
    assert values.dtype == np.float32
    assert values.shape == (10_000, 19)
    frontal, back = values[:, eeg.LABELS.index("Fp1")], values[:, eeg.LABELS.index("O1")]
    blinks = acting().blinks_between(0.5, 39.5)
    assert len(blinks) >= 8
    for blink in blinks:
        around = slice(int(blink * 250), int((blink + 0.3) * 250))
        assert 70 < frontal[around].max() < 200
    assert 5 < back.std() < 40
    frequency, density = signal.welch(back, 250, nperseg=500)
    assert 8 <= frequency[3:][np.argmax(density[3:])] <= 13
    assert density[frequency == 3].item() > 3 * density[frequency == 40].item()


def spoken(seconds: int = 10, **changes: float) -> np.ndarray:
    return FrameReader(voice.VoiceMaker(acting(**changes))).read(seconds * 16000)[:, 0]


def test_an_aroused_voice_is_louder_and_brighter() -> None:
    def loudness_and_tilt(arousal: float) -> tuple[float, float]:
        sound = spoken(arousal=arousal)
        frequency, density = signal.welch(sound, 16000, nperseg=1024)
        low = density[(frequency >= 50) & (frequency < 1000)].sum()
        high = density[(frequency >= 1000) & (frequency < 5000)].sum()
        return float(10 * np.log10(np.mean(sound**2))), float(10 * np.log10(high / low))

    calm, aroused = loudness_and_tilt(-0.8), loudness_and_tilt(0.8)
    assert aroused[0] > calm[0] + 6
    assert aroused[1] > calm[1] + 3


def test_the_voice_has_its_pitch_and_is_silent_in_pauses() -> None:
    sound = spoken(pause_fraction=0.5)
    assert np.abs(sound).max() < 1
    phrase = sound[16000 * 4 : 16000 * 6]
    voiced, pause = phrase[1000:15000], phrase[17000:31000]
    assert 20 * np.log10(np.std(voiced) / np.std(pause)) > 20
    asked = acting(pause_fraction=0.5).voice_at(np.array([4.375])).pitch_hz[0]
    middle = phrase[5000:7000]  # one syllable's loud part
    correlation = signal.correlate(middle, middle)[len(middle) - 1 :]
    lags = slice(int(16000 / 400), int(16000 / 120))
    found = 16000 / (lags.start + np.argmax(correlation[lags]))
    assert found == pytest.approx(asked, rel=0.06)


def test_a_held_vowel_ends_a_phrase_and_a_breath_follows_it() -> None:
    times = np.arange(0, 12, 0.01)
    drive = acting(pause_fraction=0.35, filled_pause_s=0.5, phrase_s=3.0, breathing=1.0).voice_at(times)
    in_phrase = times % 3.0
    held = (in_phrase > 1.46) & (in_phrase < 1.94)
    assert np.ptp(drive.pitch_hz[held]) == 0 == np.ptp(drive.level[held])
    assert np.ptp(drive.pitch_hz[~held & (in_phrase < 1.4)]) > 10
    assert drive.breath[(in_phrase > 2.2) & (in_phrase < 2.35)].min() == 1
    assert not (drive.breath * drive.gate).any()
    assert not acting(pause_fraction=0.35).voice_at(times).breath.any()


def test_syllables_go_on_evenly_where_their_rate_changes() -> None:
    slow = replace(CALM, duration_s=5.0, syllable_rate_hz=2.2)
    script = Script("two", (replace(CALM, duration_s=5.0), slow))
    times = np.arange(0, 40, 0.001)
    steps = np.diff(script.syllables(times))
    assert set(np.round(steps, 6)) == {0.004, 0.0022}
    assert script.syllables(np.array([10.0, 20.0])) == pytest.approx([31.0, 62.0])


def test_eyes_stay_closed_and_units_waver_where_the_script_says() -> None:
    participant = acting(closed_s=1.2)
    lids = np.array([participant.face_at(time).action_units[45] for time in np.arange(60, 90, 0.04)])
    assert 0.33 < (lids == 5).mean() < 0.45
    wavering = acting(wavering=((12, 3.0),), action_units=((12, 1.0),))
    smile = np.array([wavering.face_at(time).action_units[12] for time in np.arange(2, 12, 0.04)])
    assert smile.min() == pytest.approx(1.0, abs=0.05)
    assert smile.max() == pytest.approx(4.0, abs=0.05)
    with pytest.raises(ValueError, match="action unit 12 is 6"):
        replace(CALM, wavering=((12, 3.0),), action_units=((12, 3.0),))


# --- face -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def drawn() -> face.Face:
    pytest.importorskip("skimage")
    return face.Face()


def around(picture: np.ndarray, *names: str, margin: int = 8) -> np.ndarray:
    places = np.array([LANDMARKS[name][:2] for name in names])
    (left, top), (right, bottom) = places.min(axis=0).astype(int) - margin, places.max(axis=0).astype(int) + margin
    return picture[top:bottom, left:right].astype(float)


MOUTH = ("mouth_corner_right", "mouth_corner_left", "upper_lip_top", "lower_lip_bottom")
EYES = ("eye_outer_right", "eye_outer_left", "upper_lid_right", "lower_lid_left")
BROWS = ("brow_outer_right", "brow_outer_left", "brow_inner_right", "brow_inner_left")


@pytest.mark.parametrize(
    ("unit", "where", "elsewhere"),
    [(12, MOUTH, EYES), (15, MOUTH, EYES), (24, MOUTH, EYES), (25, MOUTH, EYES), (26, MOUTH, EYES), (6, EYES, MOUTH),
     (1, BROWS, MOUTH), (2, BROWS, MOUTH), (4, BROWS, MOUTH), (45, EYES, MOUTH)],
)  # fmt: skip
def test_an_action_unit_changes_its_part_of_the_face(
    drawn: face.Face, unit: int, where: tuple[str, ...], elsewhere: tuple[str, ...]
) -> None:
    neutral = drawn.picture(FaceDrive({})).copy()
    moved = drawn.picture(FaceDrive({unit: 4.0})).copy()
    change = np.abs(around(moved, *where) - around(neutral, *where)).mean()
    assert change > 1.5
    assert change > 4 * np.abs(around(moved, *elsewhere) - around(neutral, *elsewhere)).mean()
    left, _, right, bottom = REGION
    np.testing.assert_array_equal(moved[:, :left], neutral[:, :left])
    np.testing.assert_array_equal(moved[bottom:, right:], neutral[bottom:, right:])


def test_the_photograph_comes_back_when_the_face_does_what_it_shows(drawn: face.Face) -> None:
    shown = drawn.picture(FaceDrive({6: 2.0, 12: 4.0, 25: 3.0})).astype(int)
    assert np.abs(shown - face.photograph()).mean() < 0.1


def test_action_units_move_their_landmarks_the_right_way() -> None:
    neutral = moved_vertices(FaceDrive({}))

    def down(name: str, **units: float) -> float:
        drive = FaceDrive({int(unit[2:]): intensity for unit, intensity in units.items()})
        return float((moved_vertices(drive) - neutral)[place_of(name), 1])

    assert down("mouth_corner_left", au12=5) < -5 < 5 < down("mouth_corner_left", au15=5)
    assert down("brow_inner_left", au1=5) < -5 < 5 < down("brow_inner_left", au4=5)
    assert down("brow_outer_right", au2=5) < -5
    assert down("lower_lip_edge", au25=4) > 5
    assert down("chin", au26=4) > 5
    assert down("upper_lid_right", au45=5) > 8
    closed = neutral[place_of("lower_lip_edge"), 1] - neutral[place_of("upper_lip_edge"), 1]
    assert 0 < closed < 1


def test_head_and_gaze_turn_the_way_they_say() -> None:
    straight = moved_vertices(FaceDrive({}))
    nose, ear = place_of("nose_tip"), place_of("ear_left")

    def moved(place: int, **angles: float) -> np.ndarray:
        return (moved_vertices(FaceDrive({}, **angles)) - straight)[place]

    assert moved(nose, head_yaw=10)[0] > 10  # the participant's left is the picture's right
    assert moved(nose, head_yaw=10)[0] > moved(ear, head_yaw=10)[0] + 10
    assert moved(nose, head_pitch=10)[1] < -10
    assert moved(place_of("forehead"), head_roll=10)[0] > 10
    np.testing.assert_array_equal(straight[-14:], vertices()[-14:])  # the edge of the region


def iris_at(picture: np.ndarray, side: str) -> np.ndarray:
    """The middle (x, y) of what is darkest in one open eye."""
    x, y = LANDMARKS[f"iris_{side}"][:2]
    left, top = int(x) - 17, int(y) - 5
    grey = picture[top : top + 11, left : left + 35].mean(axis=2)
    rows, columns = np.nonzero(grey < 80)
    return np.array([left + np.median(columns), top + np.median(rows)])


@pytest.mark.parametrize("side", ["right", "left"])
def test_an_iris_turns_as_far_as_an_eyeball_would(drawn: face.Face, side: str) -> None:
    straight = iris_at(drawn.picture(FaceDrive({6: 2.0})), side)
    for yaw in (-20.0, -10.0, 10.0, 20.0):
        turned = iris_at(drawn.picture(FaceDrive({6: 2.0}, gaze_yaw=yaw)), side)
        assert turned[0] - straight[0] == pytest.approx(16.4 * np.sin(np.radians(yaw)), abs=1.6), yaw
        assert abs(turned[1] - straight[1]) <= 1.5
    drawn.picture(FaceDrive({6: 2.0}))
    np.testing.assert_array_equal(iris_at(drawn.picture(FaceDrive({6: 2.0})), side), straight)


def test_frames_are_jpeg_pictures_and_the_same_each_time(drawn: face.Face) -> None:
    camera = face.Camera(Participant(FIVE_STATES))
    text = camera.frame(14 * 25)  # joy
    camera.frame(3)
    assert camera.frame(14 * 25) == text
    picture = cv2.imdecode(np.frombuffer(base64.b64decode(text, validate=True), np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture.shape == (480, 640, 3)
    drive = Participant(FIVE_STATES).face_at(14.0)
    assert np.abs(picture.astype(int) - drawn.picture(drive)).mean() < 4  # what the JPEG loses


def test_a_missing_scikit_image_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "skimage", None)
    with pytest.raises(DependencyError, match=r"pip install streamsense\[demo\]"):
        face.photograph()


def test_the_participant_says_fluent_and_hesitant_phrases_and_is_silent_as_the_script_has_it() -> None:
    participant = Participant(SCRIPTS["five_states"])
    said: dict[str, list[str]] = {}
    delivered = 100.0
    for due, sample in itertools.takewhile(lambda phrase: phrase[0] < 161.0, phrases(participant, 100.0)):
        assert due > delivered
        delivered = due
        found = read_sample(sample, due)
        assert found is not None
        if found.words:
            assert due == pytest.approx(found.end + LATE_S)
            assert 0.5 < found.end - found.start < 2.0
        state = participant.script.state_at(due - LATE_S - 0.2 - 100.0).name
        said.setdefault(state, []).extend(found.words)
    counts = {state: count_words(WordCountState(), ENGLISH, words) for state, words in said.items()}
    assert not said["silence"]
    assert sum(counts["neutral"]) == 0 < len(said["neutral"])
    assert sum(counts["ambivalence"]) > len(said["ambivalence"]) / 4
