"""How the simulated participant shows the script's truth: what drives the EEG, the face and the voice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from streamsense.arrays import BoolArray, FloatArray
from streamsense.sources.simulator.script import Script

BLINK_INTERVAL_S = (2.0, 5.0)
BLINK_LENGTH_S = 0.3
CLOSURE_INTERVAL_S = 3.0
BREATH_S = (0.15, 0.5)
"""When a breath begins and ends after the last word of a phrase."""
ALPHA_ASYMMETRY = 1.2
"""ln(right) - ln(left) of the frontal alpha amplitude at valence 1: less left alpha, more approach (Davidson)."""

_BLINKS, _HABITS, _BODY = 1, 2, 4  # names of the seeded streams; 3 is the EEG's


@dataclass(frozen=True)
class Body:
    """What tells people apart: the voice's pitch, how strong each rhythm is, how much the face shows of what is felt.

    Seed 0 is the average person; the others are as far from that as people are from each other, roughly.
    """

    pitch_hz: float = 200.0
    alpha: float = 1.0
    beta: float = 1.0
    theta: float = 1.0
    expressiveness: float = 1.0

    @staticmethod
    def of(seed: int) -> Body:
        """The body of one seed, always the same."""
        if seed == 0:
            return Body()
        random = np.random.default_rng([seed, _BODY])
        pitch, alpha, beta, theta = (float(2**spread) for spread in random.uniform(-1, 1, 4) * (0.5, 0.4, 0.3, 0.3))
        return Body(200.0 * pitch, alpha, beta, theta, float(random.uniform(0.7, 1.0)))


@dataclass(frozen=True)
class FaceDrive:
    """What the face does at an instant: action units 0-5 by number, head and gaze angles in degrees.

    Yaw is positive towards the participant's left, pitch up, roll towards the left shoulder.
    """

    action_units: dict[int, float]
    head_yaw: float = 0.0
    head_pitch: float = 0.0
    head_roll: float = 0.0
    gaze_yaw: float = 0.0
    gaze_pitch: float = 0.0


@dataclass(frozen=True, eq=False)
class VoiceDrive:
    """What the voice does, one value per asked time.

    `gate` is 1 while there is voice, `level` 0-1 the syllables' envelope within it, `syllables` how many there were, of
    which none comes while a vowel is `held`; `breath` 0-1 is that of an audible breath. `pitch_hz` is the fundamental,
    `loudness_db` that of full scale, `brightness` 0-1 how flat the spectrum is (the spectral tilt).
    """

    gate: FloatArray
    syllables: FloatArray
    held: BoolArray
    breath: FloatArray
    level: FloatArray
    pitch_hz: FloatArray
    loudness_db: FloatArray
    brightness: FloatArray


@dataclass(frozen=True, eq=False)
class EegDrive:
    """Amplitudes relative to rest, one value per asked time.

    `alpha_left` and `alpha_right` differ with valence; arousal lowers alpha and raises beta; conflict raises
    mid-frontal theta.
    """

    alpha_left: FloatArray
    alpha_right: FloatArray
    beta: FloatArray
    theta: FloatArray


class Participant:
    """One person acting a script; everything is a pure function of the time (s since the start) and the seed."""

    def __init__(self, script: Script, seed: int = 0) -> None:
        if seed < 0:
            raise ValueError(f"seed is {seed}, expected 0 or above")
        self.script = script
        self.seed = seed
        habits = np.random.default_rng([seed, _HABITS])
        self._sway_phase = habits.uniform(0, 2 * np.pi, 3)
        self._emphasis = habits.uniform(0.7, 1.0, 61)
        self._blinks = _Blinks(seed)
        self._body = Body.of(seed)

    def face_at(self, time: float) -> FaceDrive:
        """The face at `time`: the script's, with blinks, a slight sway of the head, and the lips of speech."""
        at = np.array([time])
        tracks = self.script.tracks(at, ("gaze_yaw", "gaze_pitch", "head_yaw", "head_pitch", "head_roll", "head_shake"))
        gaze_yaw, gaze_pitch, yaw, pitch, roll, shake = (float(track[0]) for track in tracks)
        shown = self._body.expressiveness
        units = {number: shown * intensity for number, intensity in self.script.action_units_at(time).items()}
        voice = self.voice_at(at)
        speech = float(voice.gate[0] * voice.level[0])
        units[25] = max(units[25], 2.0 * speech)
        units[26] = max(units[26], 1.5 * speech)
        units[45] = 5.0 * max(self.lids_closed(time), self._lids_held(time))
        sway = np.sin(2 * np.pi * np.array([0.11, 0.17, 0.07]) * time + self._sway_phase)
        away = 0.5 + 0.5 * np.tanh(4 * np.sin(2 * np.pi * 0.3 * time))  # looks away and comes back
        return FaceDrive(
            units,
            head_yaw=float(yaw + 1.5 * sway[0] + shake * np.sin(2 * np.pi * time)),
            head_pitch=float(pitch + 1.0 * sway[1]),
            head_roll=float(roll + 1.0 * sway[2]),
            gaze_yaw=float(gaze_yaw * away),
            gaze_pitch=gaze_pitch,
        )

    def voice_at(self, times: FloatArray) -> VoiceDrive:
        """The voice at `times` (n,)."""
        speaking, pause, valence, arousal, breathing = self.script.tracks(
            times, ("speaking", "pause_fraction", "voice_valence", "voice_arousal", "breathing")
        )
        phrase_s, filled_s = (self.script.steps(times, name) for name in ("phrase_s", "filled_pause_s"))
        in_phrase = np.mod(times, phrase_s)
        spoken_s = phrase_s * (1 - pause)
        aloud = np.clip(8 * speaking - 3.5, 0, 1)
        # 40 ms edges; the switch to a silent state is one of them too.
        gate = np.clip(np.minimum(in_phrase, spoken_s - in_phrase) / 0.04, 0, 1) * aloud
        held = (in_phrase >= spoken_s - filled_s) & (filled_s > 0)
        since_s = in_phrase - spoken_s
        breath = np.clip(np.minimum(since_s - BREATH_S[0], BREATH_S[1] - since_s) / 0.04, 0, 1) * breathing * aloud
        syllables = self.script.syllables(times)
        level = np.sin(np.pi * (syllables % 1.0)) ** 2 * self._emphasis[np.floor(syllables).astype(np.int64) % 61]
        melody = 1 - 0.15 * in_phrase / phrase_s + (0.04 + 0.04 * valence) * np.sin(2 * np.pi * 1.3 * times)
        return VoiceDrive(
            gate=gate,
            syllables=syllables,
            held=held,
            breath=breath,
            level=np.where(held, 0.7, level),
            pitch_hz=self._body.pitch_hz * 2 ** (0.5 * arousal) * np.where(held, 0.9, melody),
            loudness_db=-24.0 + 9.0 * arousal,
            brightness=np.clip(0.5 + 0.4 * arousal - 0.1 * valence, 0, 1),
        )

    def eeg_at(self, times: FloatArray) -> EegDrive:
        """The EEG's rhythms at `times` (n,)."""
        valence, arousal, ambivalence = self.script.tracks(times, ("valence", "arousal", "ambivalence"))
        body = self._body
        alpha = body.alpha * np.exp(-0.5 * arousal)
        return EegDrive(
            alpha_left=alpha * np.exp(-0.5 * ALPHA_ASYMMETRY * valence),
            alpha_right=alpha * np.exp(0.5 * ALPHA_ASYMMETRY * valence),
            beta=body.beta * np.exp(0.6 * arousal),
            theta=body.theta * (1 + 0.8 * ambivalence),
        )

    def blinks_between(self, start: float, end: float) -> FloatArray:
        """The instants in [start, end) at which a blink begins."""
        return self._blinks.between(start, end)

    def lids_closed(self, time: float) -> float:
        """How far the lids are closed, 0 to 1: 90 ms down, 30 ms shut, 180 ms up."""
        begun = self.blinks_between(time - BLINK_LENGTH_S, time)
        if not len(begun):
            return 0.0
        return float(np.interp(time - begun[-1], [0.0, 0.09, 0.12, BLINK_LENGTH_S], [0.0, 1.0, 1.0, 0.0]))

    def _lids_held(self, time: float) -> float:
        """How far the lids are held shut, 0 to 1, as the script says for a part of every 3 s."""
        closed_s = float(self.script.steps(np.array([time]), "closed_s")[0])
        since_s = time % CLOSURE_INTERVAL_S
        return float(np.clip(min(since_s, closed_s - since_s) / 0.09, 0.0, 1.0))


class _Blinks:
    """Blink instants, drawn on as far as they are asked for; the drawing does not depend on how they are asked for."""

    def __init__(self, seed: int) -> None:
        self._generator = np.random.default_rng([seed, _BLINKS])
        self._times = np.cumsum(self._generator.uniform(*BLINK_INTERVAL_S, 64))

    def between(self, start: float, end: float) -> FloatArray:
        while self._times[-1] < end:
            more = self._times[-1] + np.cumsum(self._generator.uniform(*BLINK_INTERVAL_S, 64))
            self._times = np.concatenate((self._times, more))
        first, last = np.searchsorted(self._times, (start, end))
        return self._times[first:last]
