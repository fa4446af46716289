"""The simulated participant's voice: 16 kHz, one channel, float32 within -1 and 1.

A glottal pulse train through four formant resonators, syllables with a breath of fricative between them, pauses, held
vowels and audible breaths from the script, loudness and spectral tilt from arousal, and soft noise of the room.
"""

from __future__ import annotations

import numpy as np
from scipy import signal

from streamsense.arrays import FloatArray
from streamsense.sources.simulator.frames import Samples
from streamsense.sources.simulator.participant import Participant

RATE_HZ = 16000.0
FRAME_SAMPLES = 320
LABEL = "voice"
UNIT = "normalised"
ROOM_DB = -66.0
BREATH_DB = -28.0
"""Of the noise of a breath, from a usual vowel: a louder one is taken for speech."""

VOWEL_FORMANTS_HZ = np.array(
    [[850, 1220, 2810], [860, 2050, 2850], [610, 2330, 2990], [310, 2790, 3310], [590, 920, 2710], [370, 950, 2670]]
)
"""First three formants of /ɑ æ ɛ i ɔ u/ spoken by women (Peterson & Barney 1952, table II), (6, 3)."""

HELD_FORMANTS_HZ = np.array([560.0, 1480.0, 2520.0, 4000.0])
"""Of the vowel of a filled pause, a schwa: resonances of a tube of 15 cm, about."""

_BANDWIDTHS_HZ = np.array([80.0, 100.0, 150.0, 250.0])
_FOURTH_FORMANT_HZ = 4000.0
_VOICED_RMS = 9.0  # of the resonators' output, a usual vowel at 200 Hz: loudness is counted from it
_VOICE, _VOWELS = 4, 5  # names of the seeded streams


class VoiceMaker:
    """Frames of 320 samples (20 ms), (320, 1) float32."""

    def __init__(self, participant: Participant) -> None:
        self._participant = participant
        self._noise = np.random.default_rng([participant.seed, _VOICE])
        self._vowels = np.random.default_rng([participant.seed, _VOWELS]).integers(0, len(VOWEL_FORMANTS_HZ), 97)
        self._phase = 0.0
        self._state = np.zeros((5, 2))
        self._hiss_sos = signal.butter(2, 3500.0, "highpass", fs=RATE_HZ, output="sos")
        self._hiss_state = np.zeros((1, 2))

    def frame(self, index: int) -> Samples:
        """Frame `index`; frames are asked for in order, each once."""
        edges = np.array([index, index + 1]) * (FRAME_SAMPLES / RATE_HZ)
        drive = self._participant.voice_at(edges)
        share = np.arange(FRAME_SAMPLES) / FRAME_SAMPLES

        def across(values: FloatArray) -> FloatArray:
            return np.asarray(values[0] + (values[1] - values[0]) * share)

        pulses = self._pulses(across(drive.pitch_hz))
        formants = HELD_FORMANTS_HZ if drive.held[0] else self._formants_hz(float(drive.syllables[0]))
        vowel, self._state = signal.sosfilt(_tract(formants, float(drive.brightness[0])), pulses, zi=self._state)
        white = self._noise.standard_normal((2, FRAME_SAMPLES))
        hiss, self._hiss_state = signal.sosfilt(self._hiss_sos, white[0], zi=self._hiss_state)
        gate, level = across(drive.gate), across(drive.level)
        loudness = 10 ** (across(drive.loudness_db) / 20)
        speech = vowel / _VOICED_RMS * level + 0.05 * hiss * (1 - level) ** 4
        breath = 10 ** (BREATH_DB / 20) * across(drive.breath) * hiss
        room = 10 ** (ROOM_DB / 20) * white[1]
        sound: FloatArray = np.clip(loudness * (gate * speech + breath) + room, -1, 1)
        return sound[:, None].astype(np.float32)

    def _pulses(self, pitch_hz: FloatArray) -> FloatArray:
        """The glottal flow's slope over the cycle: opens over 0.4, closes steeply over 0.16 (Rosenberg 1971, C)."""
        phase = self._phase + np.cumsum(pitch_hz) / RATE_HZ
        self._phase = float(phase[-1] % 1.0)
        place = phase % 1.0
        opening, closing = 0.4, 0.16
        rising = 0.5 * np.pi / opening * np.sin(np.pi * place / opening)
        falling = -0.5 * np.pi / closing * np.sin(0.5 * np.pi * (place - opening) / closing)
        return np.where(place < opening, rising, np.where(place < opening + closing, falling, 0.0))

    def _formants_hz(self, syllables: float) -> FloatArray:
        """The four formants after so many syllables: each one's vowel, reached within the first 40 % of it."""
        syllable, part = divmod(syllables, 1.0)
        gone = min(part / 0.4, 1.0)
        before, now = (VOWEL_FORMANTS_HZ[self._vowels[int(syllable - back) % 97]] for back in (1, 0))
        return np.append(before * (1 - gone) + now * gone, _FOURTH_FORMANT_HZ)


def _tract(formants_hz: FloatArray, brightness: float) -> FloatArray:
    """Second-order sections: a resonator for each formant, gain 1 at 0 Hz (Klatt 1980), then the tilt."""
    radius = np.exp(-np.pi * _BANDWIDTHS_HZ / RATE_HZ)
    second = -2 * radius * np.cos(2 * np.pi * formants_hz / RATE_HZ)
    third = radius**2
    sections = np.zeros((5, 6))
    sections[:4, 0] = 1 + second + third
    sections[:4, 3] = 1
    sections[:4, 4] = second
    sections[:4, 5] = third
    pole = 0.9 * (1 - brightness)  # a one-pole low-pass: the duller, the nearer its pole is to 1
    sections[4, 0] = 1 - pole
    sections[4, 3:5] = 1, -pole
    return sections
