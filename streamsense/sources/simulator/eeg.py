"""The simulated participant's EEG: 19 electrodes of the 10-20 system, 250 Hz, microvolts.

A 1/f background that neighbouring electrodes share, theta, alpha and beta rhythms with the amplitudes that the
participant gives them, blinks on the frontal electrodes and a little mains hum.
"""

from __future__ import annotations

import numpy as np
from scipy import signal

from streamsense.arrays import FloatArray
from streamsense.sources.simulator.frames import Samples
from streamsense.sources.simulator.participant import BLINK_LENGTH_S, Participant

RATE_HZ = 250.0
FRAME_SAMPLES = 25
UNIT = "microvolts"

_PLACES: dict[str, tuple[float, float]] = {
    "Fp1": (-0.3, 0.9), "Fp2": (0.3, 0.9),
    "F7": (-0.8, 0.55), "F3": (-0.4, 0.5), "Fz": (0.0, 0.5), "F4": (0.4, 0.5), "F8": (0.8, 0.55),
    "T7": (-1.0, 0.0), "C3": (-0.5, 0.0), "Cz": (0.0, 0.0), "C4": (0.5, 0.0), "T8": (1.0, 0.0),
    "P7": (-0.8, -0.55), "P3": (-0.4, -0.5), "Pz": (0.0, -0.5), "P4": (0.4, -0.5), "P8": (0.8, -0.55),
    "O1": (-0.3, -0.9), "O2": (0.3, -0.9),
}  # fmt: skip
"""Electrodes on the head seen from above, its radius 1: rightwards, frontwards."""

LABELS = ("Fp1", "Fp2", "F7", "F3", "Fz", "F4", "F8", "T7", "C3", "Cz", "C4", "T8",
          "P7", "P3", "Pz", "P4", "P8", "O1", "O2")  # fmt: skip

BACKGROUND_UV = 8.0
THETA_UV, ALPHA_UV, BETA_UV, HUM_UV, BLINK_UV = 5.0, 12.0, 4.0, 0.7, 120.0
"""Standard deviation at rest where the rhythm is strongest; the hum's amplitude; the blink's peak at Fp1 and Fp2."""

_EEG = 3  # name of the seeded stream
_WARM_UP_FRAMES = 30


class EegMaker:
    """Frames of 25 samples (0.1 s), (25, 19) float32 in µV."""

    def __init__(self, participant: Participant) -> None:
        self._participant = participant
        self._noise = np.random.default_rng([participant.seed, _EEG])
        right, front = np.array([_PLACES[label] for label in LABELS]).T
        squared = (right[:, None] - right) ** 2 + (front[:, None] - front) ** 2
        shared = np.exp(-squared / 0.3)
        self._mixing = (shared / np.linalg.norm(shared, axis=1, keepdims=True)).T
        self._leftness = np.clip(0.5 - right, 0, 1)
        # Where each rhythm is strong: alpha at the back, theta at the front of the midline, beta in the middle.
        self._alpha_share = 0.45 + 0.55 * np.clip(0.5 - front, 0, 1)
        self._theta_share = 0.3 + 0.7 * np.exp(-(right**2 + (front - 0.5) ** 2) / 0.2)
        self._beta_share = 0.6 + 0.4 * np.exp(-(front**2) / 0.3)
        self._blink_share = np.clip(front, 0, 1) ** 3 / 0.9**3
        # 1/f: slopes of 3 dB per octave from three pole-zero pairs spaced evenly over 0.5 to 100 Hz.
        corners = np.array([0.5, 3.0, 18.0])
        pink = signal.zpk2sos(*signal.bilinear_zpk(-2 * np.pi * corners * 2.45, -2 * np.pi * corners, 1.0, RATE_HZ))
        theta = signal.butter(2, (4.5, 7.5), "bandpass", fs=RATE_HZ, output="sos")
        alpha = signal.butter(2, (9.0, 11.5), "bandpass", fs=RATE_HZ, output="sos")
        beta = signal.butter(2, (15.0, 28.0), "bandpass", fs=RATE_HZ, output="sos")
        self._filters = [_Shaped(sos, len(LABELS)) for sos in (pink, theta, alpha, beta)]
        for index in range(-_WARM_UP_FRAMES, 0):  # the filters swing in before the first sample
            self.frame(index)

    def frame(self, index: int) -> Samples:
        """Frame `index`; frames are asked for in order, each once."""
        times = (index * FRAME_SAMPLES + np.arange(FRAME_SAMPLES)) / RATE_HZ
        drive = self._participant.eeg_at(times)
        noise = self._noise.standard_normal((4, FRAME_SAMPLES, len(LABELS)))
        background, theta, alpha, beta = (
            shape.step(white @ self._mixing) for shape, white in zip(self._filters, noise, strict=True)
        )
        side = drive.alpha_left[:, None] * self._leftness + drive.alpha_right[:, None] * (1 - self._leftness)
        values: FloatArray = (
            BACKGROUND_UV * background
            + THETA_UV * theta * self._theta_share * drive.theta[:, None]
            + ALPHA_UV * alpha * self._alpha_share * side
            + BETA_UV * beta * self._beta_share * drive.beta[:, None]
            + HUM_UV * np.sin(2 * np.pi * 50.0 * times)[:, None]
            + BLINK_UV * self._blinks(times)[:, None] * self._blink_share
        )
        return values.astype(np.float32)

    def _blinks(self, times: FloatArray) -> FloatArray:
        """The blinks' shape, 0 to 1: a bump whose top is where the lids are shut."""
        begun = self._participant.blinks_between(times[0] - 2 * BLINK_LENGTH_S, times[-1] + BLINK_LENGTH_S)
        bumps = np.exp(-0.5 * ((times[:, None] - begun - 0.12) / 0.055) ** 2)
        return np.asarray(bumps.sum(axis=1))


class _Shaped:
    """White noise through a filter, brought to standard deviation 1."""

    def __init__(self, sos: FloatArray, channels: int) -> None:
        _, response = signal.freqz_sos(sos, worN=8192)
        self._gain = 1 / np.sqrt(np.mean(np.abs(response) ** 2))
        self._sos = sos
        self._state = np.zeros((len(sos), 2, channels))

    def step(self, white: FloatArray) -> FloatArray:
        filtered, self._state = signal.sosfilt(self._sos, white, axis=0, zi=self._state)
        return np.asarray(filtered * self._gain)
