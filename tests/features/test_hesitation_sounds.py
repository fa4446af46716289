"""Filled pauses and breaths that were put into real speech, where they are known to be, are found; others are not."""

from __future__ import annotations

import functools
import itertools
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from streamsense.features.articulation import syllable_nuclei
from streamsense.features.contours import CHANGE, CONTOURS, SEMITONES
from streamsense.features.hesitation_sounds import hesitation_sounds
from streamsense.features.pitch import LEAD_SAMPLES, pitch
from streamsense.features.voice_features import VoiceFeatures
from streamsense.features.voice_front_end import VoiceFrontEnd
from streamsense.streams import StreamInfo, TimedBlock
from tests.helpers.talking_clips import film_sound, wav_clip

RATE_HZ = 22_050


def heard(sound: np.ndarray, rate_hz: int) -> VoiceFeatures:
    """The voice's features after sound that began at 0 s."""
    front, voice = VoiceFrontEnd(), VoiceFeatures()
    info = StreamInfo("voice", "voice", "mic", "Audio", "id", ("c",), ("",), float(rate_hz), "float64")
    voice.open(front.open(info)[0])
    voice.push(front.push(TimedBlock("voice", 0, np.arange(len(sound)) / rate_hz, sound[:, None])))
    return voice


def cues(sound: np.ndarray, rate_hz: int = RATE_HZ, at_s: float | None = None) -> dict[str, float]:
    """The cues at `at_s`, or at the end."""
    return heard(sound, rate_hz).feature_at(len(sound) / rate_hz if at_s is None else at_s).cues


def contours_of(sound: np.ndarray, rate_hz: int) -> tuple[np.ndarray, np.ndarray]:
    """Contours and voice activity of all frames of at most 15 s."""
    state = heard(sound, rate_hz).state
    return state.ring_contours[: state.frames], state.ring_voiced[: state.frames]


def room(seconds: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 3e-4, round(seconds * RATE_HZ))


def breath(seconds: float, rms: float, seed: int = 0) -> np.ndarray:
    """Noise of 1 to 5 kHz that swells and fades."""
    noise = np.random.default_rng(seed).normal(0, 1, round(seconds * RATE_HZ))
    noise = sosfilt(butter(2, [1000, 5000], "bandpass", fs=RATE_HZ, output="sos"), noise)
    return rms * noise / noise.std() * np.hanning(len(noise)) ** 0.5


def tone(hz: float, seconds: float) -> np.ndarray:
    phase = 2 * np.pi * hz / RATE_HZ * np.arange(round(seconds * RATE_HZ))
    return 0.05 * sum(np.sin(k * phase + k) / k for k in range(1, 20))


def test_a_hum_counts_by_its_length_and_a_glide_does_not():
    def found(seconds: float, octaves: float = 0.0) -> float:
        glide = 150 * 2 ** (octaves * np.linspace(0, 1, round(seconds * RATE_HZ)))
        phase = 2 * np.pi * np.cumsum(glide) / RATE_HZ
        hum = 0.05 * sum(np.sin(k * phase + k) / k for k in range(1, 20))
        return cues(np.concatenate([room(1.0), hum, room(1.0)]))["filled_pause"]

    assert found(0.12) == 0
    assert 0.1 < found(0.3) < 0.9
    assert found(0.7) == 1
    assert found(0.7, octaves=1.5) < 0.2


@pytest.mark.parametrize(("step_st", "change_db", "evidence"), [(0.0, 1.0, 1.0), (0.3, 1.0, 0.0), (0.0, 8.0, 0.0)])
def test_both_pitch_and_spectrum_have_to_be_steady(step_st, change_db, evidence):
    contours = np.zeros((100, CONTOURS), np.float32)
    contours[20:80, SEMITONES] = 24 + step_st * np.arange(60)
    contours[20:80, CHANGE] = change_db
    frames = (0.01 * np.arange(100), contours, contours[:, SEMITONES] > 0, np.full(100, 30, np.float32))
    assert hesitation_sounds(*frames, since=0.0)[0] == evidence
    assert hesitation_sounds(*frames, since=0.9)[0] == 0, "over by then"


def test_noise_between_silences_is_a_breath_by_its_length_level_and_colour():
    def found(sound: np.ndarray) -> float:
        return cues(
            np.concatenate([room(1.0), tone(120, 0.2), room(0.3), sound, room(0.3), tone(120, 0.2), room(0.3)])
        )["breath"]

    assert found(breath(0.4, 0.004)) > 0.8
    assert found(room(0.4)) == 0
    assert found(breath(0.08, 0.004)) == 0
    assert found(breath(1.2, 0.004)) == 0
    assert found(breath(0.4, 0.1)) == 0, "as loud as speech"
    assert found(breath(0.4, 1e-4)) == 0, "below the noise of the room"
    assert found(0.3 * tone(120, 0.4)) == 0


def test_a_breath_over_the_hum_of_the_mains_is_found():
    sound = np.concatenate([room(1.0), tone(120, 0.4), room(0.3), breath(0.4, 0.004), room(0.3), tone(120, 0.4)])
    sound = np.concatenate([sound, room(0.3)])
    hum = 4e-4 * np.sin(2 * np.pi * 100 / RATE_HZ * np.arange(len(sound)))
    contours, voiced = contours_of(sound + hum, RATE_HZ)
    assert (contours[~voiced, 0] > 0).mean() > 0.5
    assert cues(sound + hum)["breath"] > 0.6


def test_a_hiss_that_leads_into_a_vowel_is_no_breath():
    leading = [room(1.0), tone(120, 0.2), room(0.3), breath(0.3, 0.004), tone(120, 0.2), room(0.5)]
    assert cues(np.concatenate(leading))["breath"] == 0


def test_who_listens_neither_breathes_nor_hums_in_a_turn():
    sound = np.concatenate([tone(120, 0.5), room(0.5), breath(0.4, 0.004), room(3.4)])
    assert cues(sound, at_s=2.0)["breath"] > 0.8
    assert cues(sound)["speaking"] == cues(sound)["breath"] == 0
    hummed = np.concatenate([room(0.5), tone(150, 0.6), room(3.5)])
    assert cues(hummed, at_s=2.0)["filled_pause"] == 1
    assert cues(hummed)["filled_pause"] == 0


def test_evidence_is_forgotten_after_six_seconds():
    speech = np.concatenate([np.concatenate([tone(hz, 0.15), room(0.1)]) for hz in (100, 130, 110, 140) * 10])
    sound = np.concatenate([room(0.5), tone(150, 0.6), room(0.2), speech])
    assert cues(sound, at_s=7.0)["filled_pause"] == 1
    assert cues(sound, at_s=7.4)["filled_pause"] < 0.5


# ---- real speech


@functools.cache
def clips(folder: Path) -> tuple[np.ndarray, ...]:
    """Sentences of all eight actors, without the silence that some are padded with."""
    found = []
    for _, group in itertools.groupby(sorted((folder / "emodb" / "wav").glob("*.wav")), lambda path: path.name[:2]):
        for path in list(group)[3::20]:
            sound, rate_hz = wav_clip(path)
            assert rate_hz == RATE_HZ
            found.append(np.trim_zeros(sound))
    return tuple(found)


def steadiest(sound: np.ndarray) -> tuple[int, float]:
    """The sample in the middle of the 80 ms with the most level pitch, among the louder ones, and that pitch in Hz."""
    slow = np.interp(np.arange(0, len(sound), RATE_HZ / 16_000), np.arange(len(sound)), sound)
    hz, _ = pitch(np.concatenate([np.zeros(LEAD_SAMPLES), slow]))
    found = []
    for first in range(5, len(hz) - 13):
        here = hz[first : first + 8]
        middle = round((first * 160 + 400 + 560 - 340) * RATE_HZ / 16_000)
        if here.min() > 0:
            power = float(np.mean(sound[middle - 400 : middle + 400] ** 2))
            found.append((here.max() / here.min(), power, middle, float(np.median(here))))
    loudest = max(power for _, power, _, _ in found)
    return min(each for each in found if each[1] > 0.2 * loudest)[2:]


def lengthened(sound: np.ndarray, seconds: float, rng: np.random.Generator) -> np.ndarray:
    """The sound with its steadiest vowel lengthened by `seconds`.

    Periods around it are repeated in random order, overlapped and added (Moulines & Charpentier 1990), with a jitter
    of 0.8 % and a shimmer of 3 %.
    """
    at, hz = steadiest(sound)
    period = round(RATE_HZ / hz)
    model = sound[at - period : at + period]
    marks = []
    for k in range(-3, 4):
        places = range(at + k * period - period // 4, at + k * period + period // 4)
        marks.append(max(places, key=lambda place: float(model @ sound[place - period : place + period])))
    window = np.hanning(2 * period + 1)[:-1]
    out, place = np.zeros(round(seconds * RATE_HZ) + 4 * period), 0
    while place + 2 * period < len(out):
        mark = rng.choice(marks)
        out[place : place + 2 * period] += window * sound[mark - period : mark + period] * rng.normal(1, 0.03)
        place += period + round(rng.normal(0, 0.008) * period)
    return np.concatenate([sound[:at], out[period : period + round(seconds * RATE_HZ)], sound[at:]])


@pytest.mark.real_data
def test_a_lengthened_vowel_of_a_real_voice_is_found_and_plain_speech_is_not(data_folder):
    rng = np.random.default_rng(0)
    plain = [cues(sound)["filled_pause"] for sound in clips(data_folder)]
    drawled = [cues(lengthened(sound, 0.4, rng))["filled_pause"] for sound in clips(data_folder)]
    print(f"{len(plain)} clips: plain {np.mean(plain):.3f}, lengthened {np.mean(drawled):.3f}")
    assert len(plain) >= 20
    assert np.mean(np.array(plain) > 0.3) <= 0.05
    assert np.mean(np.array(drawled) > 0.7) >= 0.9


@pytest.mark.real_data
def test_a_breath_between_real_sentences_is_found_and_their_fricatives_are_none(data_folder):
    pairs = list(itertools.pairwise(clips(data_folder)))
    plain, breathed = [], []
    for k, (one, other) in enumerate(pairs):
        rms = 0.05 * float(np.sqrt(np.mean(one**2)))  # 26 dB below speech
        pause = [room(0.25, k), breath(0.4, rms, k) + room(0.4, k), room(0.25, k)]
        around = [room(1.0, k), one + room(len(one) / RATE_HZ, k)], [other + room(len(other) / RATE_HZ, k)]
        plain.append(cues(np.concatenate([*around[0], room(0.9, k), *around[1]]))["breath"])
        breathed.append(cues(np.concatenate([*around[0], *pause, *around[1]]))["breath"])
    print(f"{len(pairs)} pairs: without {np.mean(plain):.3f}, with a breath {np.mean(breathed):.3f}")
    assert np.mean(np.array(plain) > 0.3) <= 0.15
    assert np.mean(np.array(breathed) > 0.5) >= 0.85


@pytest.mark.real_data
def test_pauses_put_between_real_sentences_are_measured(data_folder):
    for k, (one, other) in enumerate(list(itertools.pairwise(clips(data_folder)))[::6]):
        for silence_s in (0.5, 1.4):
            noisy = [part + room(len(part) / RATE_HZ, k) for part in (one, other)]
            sound = np.concatenate([room(0.5, k), noisy[0], room(silence_s, k), noisy[1]])
            found, without = cues(sound), cues(np.concatenate([room(0.5, k), *noisy]))
            turn_s = min(6.0, len(sound) / RATE_HZ - 0.5)
            # Sentences fade out and begin softly, and have short silences of their own.
            assert found["pause_fraction"] - without["pause_fraction"] == pytest.approx(silence_s / turn_s, abs=0.08)
            assert found["long_pause"] == (silence_s > 1)


TWO_SYLLABLES = {4: "7z", 5: "a"}
"""Seven, zero; again: of the words that stand in these sentences all others have one."""


@pytest.mark.real_data
def test_the_syllables_of_known_sentences_are_counted(data_folder):
    errors = []
    for path in sorted((data_folder / "av_talking" / "GRID").glob("*.mpg")):
        sound, rate_hz = film_sound(path)
        spoken = 6 + sum(path.stem[place] in words for place, words in TWO_SYLLABLES.items())
        contours, voiced = contours_of(sound, rate_hz)
        errors.append(len(syllable_nuclei(contours, voiced)) - spoken)
        assert 1.8 < cues(sound, rate_hz)["articulation_rate_hz"] < 6.5, path.name
    print(f"{len(errors)} sentences of 6 to 8 syllables: nuclei less syllables {errors}")
    assert len(errors) == 10
    assert abs(np.mean(errors)) < 0.7
    assert np.abs(errors).mean() < 1.0
