"""The simulated participant with a real voice: recorded sentences of the acted emotion, with the script's pauses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from streamsense.arrays import BoolArray, Float32Array, FloatArray
from streamsense.errors import DatasetError
from streamsense.sources.simulator.frames import Samples
from streamsense.sources.simulator.participant import Participant
from streamsense.sources.simulator.voice import FRAME_SAMPLES, RATE_HZ, ROOM_DB

BREAK_DB = -22.0
"""Below the sentences' own level: where a voice that is to pause may break off."""
FOR_AN_END_S, FOR_A_BREAK_S = 0.1, 0.4
"""So long a pause waits for a sentence's end, and for a place where the voice is quiet; it ends as much later."""

_ROOM, _SENTENCES = 6, 7  # names of the seeded streams
_FRAME_S = FRAME_SAMPLES / RATE_HZ


class RecordedVoiceMaker:
    """Frames of 320 samples (20 ms), (320, 1) float32, in the place of `VoiceMaker`.

    `sentences` are by emotion, each (n,) float32 at 16 kHz within -1 and 1. One follows the other, in an order by the
    seed; in a pause of the script the sentence stands still, in a state with another emotion those of that one go on.
    A pause begins at a sentence's end or, where none is near, between words or before a stop.
    Nothing else of the script is followed: neither its syllables nor its filled pauses and breaths. Raises DatasetError
    where an emotion of the script has no sentence.
    """

    def __init__(self, participant: Participant, sentences: Mapping[str, Sequence[Float32Array]]) -> None:
        self._participant = participant
        self._room = np.random.default_rng([participant.seed, _ROOM])
        drawn = np.random.default_rng([participant.seed, _SENTENCES])
        self._speech: dict[str, FloatArray] = {}
        self._quiet: dict[str, BoolArray] = {}
        self._begins: dict[str, BoolArray] = {}
        for emotion in sorted({state.emotion for state in participant.script.states}):
            mine = [_in_frames(one) for one in sentences.get(emotion, ()) if len(one)]
            if not mine:
                raise DatasetError(
                    f"No recorded sentence is {emotion!r}, which the script {participant.script.name!r} has. Found "
                    f"{', '.join(sorted(sentences)) or 'none'}. Add sentences, or take another script."
                )
            spoken = [mine[place] for place in drawn.permutation(len(mine)).tolist()]
            speech = np.concatenate(spoken)
            power = (speech**2).mean(axis=1)
            self._speech[emotion] = speech
            self._begins[emotion] = np.concatenate([np.arange(len(one)) == 0 for one in spoken])
            self._quiet[emotion] = power <= power.mean() * 10 ** (BREAK_DB / 10)
        self._said = dict.fromkeys(self._speech, 0)
        self._owed = 0
        self._is_silent = False

    def frame(self, index: int) -> Samples:
        """Frame `index`; frames are asked for in order, each once."""
        middle = (index + 0.5) * _FRAME_S
        emotion = self._participant.script.state_at(middle).emotion
        is_pause = float(self._participant.voice_at(np.array([middle])).gate[0]) < 0.5
        speech, said = self._speech[emotion], self._said[emotion]
        if self._is_silent:
            self._owed -= not is_pause
            self._is_silent = is_pause or self._owed > 0
        elif is_pause:
            self._owed += 1
            waited_s = self._owed * _FRAME_S
            may_break = self._begins[emotion][said] or (waited_s >= FOR_AN_END_S and self._quiet[emotion][said])
            self._is_silent = bool(may_break) or waited_s >= FOR_A_BREAK_S
        sound = 10 ** (ROOM_DB / 20) * self._room.standard_normal(FRAME_SAMPLES)
        if not self._is_silent:
            sound += speech[said]
            self._said[emotion] = (said + 1) % len(speech)
        return np.clip(sound, -1, 1)[:, None].astype(np.float32)


def _in_frames(sentence: Float32Array) -> FloatArray:
    """A sentence (n,) as frames (m, 320), without what is silent before and after it."""
    frames = np.zeros((-(-len(sentence) // FRAME_SAMPLES), FRAME_SAMPLES))
    frames.reshape(-1)[: len(sentence)] = sentence
    power = (frames**2).mean(axis=1)
    loud = np.flatnonzero(power > power.mean() * 10 ** (BREAK_DB / 10))
    return frames[loud[0] : loud[-1] + 1] if len(loud) else frames
