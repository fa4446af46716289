"""The simulated participant with a real voice: recorded sentences of the acted emotion, with the script's pauses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from streamsense.arrays import Float32Array, FloatArray
from streamsense.errors import DatasetError
from streamsense.sources.simulator.frames import Samples
from streamsense.sources.simulator.participant import Participant
from streamsense.sources.simulator.voice import FRAME_SAMPLES, RATE_HZ, ROOM_DB

_ROOM, _SENTENCES = 6, 7  # names of the seeded streams


class RecordedVoiceMaker:
    """Frames of 320 samples (20 ms), (320, 1) float32, in the place of `VoiceMaker`.

    `sentences` are by emotion, each (n,) float32 at 16 kHz within -1 and 1. One follows the other, in an order by the
    seed; in a pause of the script the sentence stands still, in a state with another emotion those of that one go on.
    Nothing else of the script is followed: neither its syllables nor its filled pauses and breaths. Raises DatasetError
    where an emotion of the script has no sentence.
    """

    def __init__(self, participant: Participant, sentences: Mapping[str, Sequence[Float32Array]]) -> None:
        self._participant = participant
        self._room = np.random.default_rng([participant.seed, _ROOM])
        drawn = np.random.default_rng([participant.seed, _SENTENCES])
        self._speech: dict[str, FloatArray] = {}
        for emotion in sorted({state.emotion for state in participant.script.states}):
            mine = [one for one in sentences.get(emotion, ()) if len(one)]
            if not mine:
                raise DatasetError(
                    f"No recorded sentence is {emotion!r}, which the script {participant.script.name!r} has. Found "
                    f"{', '.join(sorted(sentences)) or 'none'}. Add sentences, or take another script."
                )
            self._speech[emotion] = np.concatenate([mine[place] for place in drawn.permutation(len(mine)).tolist()])
        self._said = dict.fromkeys(self._speech, 0)

    def frame(self, index: int) -> Samples:
        """Frame `index`; frames are asked for in order, each once."""
        times = (index * FRAME_SAMPLES + np.arange(FRAME_SAMPLES)) / RATE_HZ
        emotion = self._participant.script.state_at(float(times[0])).emotion
        gate = self._participant.voice_at(times).gate
        speech, said = self._speech[emotion], self._said[emotion]
        places = said + np.cumsum(gate > 0)
        self._said[emotion] = int(places[-1]) % len(speech)
        room = 10 ** (ROOM_DB / 20) * self._room.standard_normal(FRAME_SAMPLES)
        sound = np.clip(gate * speech[places % len(speech)] + room, -1, 1)
        return sound[:, None].astype(np.float32)
