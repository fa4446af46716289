"""The simulated participant with recorded sentences: whose they are, and where they pause."""

from __future__ import annotations

import numpy as np
import pytest

from streamsense.errors import DatasetError
from streamsense.sources.simulator import Participant, Script, State
from streamsense.sources.simulator.frames import FrameReader
from streamsense.sources.simulator.recorded_voice import RecordedVoiceMaker

RATE = 16000


def sentence(level: float, seconds: float = 1.8, word_s: float = 0.3) -> np.ndarray:
    """Words of one level, 80 ms apart: each sample's size says which sentence it is of."""
    times = np.arange(round(seconds * RATE)) / RATE
    words = np.where(times % word_s < word_s - 0.08, level, 0.0)
    return (words * np.sign(np.sin(2 * np.pi * 200 * times))).astype(np.float32)


SENTENCES = {"neutral": [sentence(0.2), sentence(0.25)], "angry": [sentence(0.8)]}
SCRIPT = Script(
    "two",
    (
        State("calm", 20.0, "neutral", 0.0, 0.0, 0.0, pause_fraction=0.3),
        State("cross", 20.0, "angry", -0.7, 0.8, 0.0, pause_fraction=0.1),
        State("silent", 4.0, "neutral", 0.0, 0.0, 0.0, speaking=False),
    ),
)


def read(seconds: float, pieces: int = 1, seed: int = 0) -> np.ndarray:
    reader = FrameReader(RecordedVoiceMaker(Participant(SCRIPT, seed), SENTENCES))
    count = round(seconds * RATE)
    return np.concatenate([reader.read(part) for part in np.full(pieces, count // pieces)])[:, 0]


def test_what_is_acted_is_heard_with_the_script_s_pauses_and_no_other() -> None:
    sound = read(44.0)
    loud = np.abs(sound).reshape(-1, 320).max(axis=1)
    calm, cross, silent = loud[100:1000], loud[1010:2000], loud[2060:2195]
    assert calm.max() < 0.3
    assert 0.75 < cross.max() <= 0.85
    assert silent.max() < 0.01
    for part, share in ((calm, 0.3), (cross, 0.1)):
        # A silence of more than 160 ms is a pause, one of 80 ms lies between words.
        silence, longest = 0, 0
        for length in np.diff(np.flatnonzero(np.concatenate(([1], part > 0.05, [1])))) - 1:
            silence += length if length > 8 else 0
            longest = max(longest, length)
        assert silence / len(part) == pytest.approx(share, abs=0.1)
        assert longest * 0.02 < 1.0, "no pause is a long one that the script has not"


def test_a_pause_waits_for_the_end_of_a_word() -> None:
    loud = np.abs(read(20.0)).reshape(-1, 320).max(axis=1) > 0.05
    words = np.diff(np.flatnonzero(np.diff(np.concatenate(([0], loud, [0])))))[::2]
    assert min(words[1:-1]) * 0.02 > 0.2, "none is broken off"


def test_the_cutting_does_not_matter_and_the_seed_does() -> None:
    np.testing.assert_array_equal(read(8.0), read(8.0, pieces=100))
    assert not np.array_equal(read(8.0), read(8.0, seed=1))


def test_an_emotion_without_sentence_is_refused() -> None:
    with pytest.raises(DatasetError, match=r"'angry', which the script 'two' has\. Found neutral"):
        RecordedVoiceMaker(Participant(SCRIPT), {"neutral": SENTENCES["neutral"], "sad": []})
