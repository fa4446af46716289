"""Predictions of a made study: people, recordings and answers of which it is known how good they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from streamsense.evaluation.predictions import Predictions
from streamsense.evaluation.windows import Window
from streamsense.fusion.emotions import DIMENSIONS, EMOTIONS

KNOWN = ("neutral", "happy", "sad")


def made(people: int = 6, trials: int = 4, ticks: int = 20, names: tuple[str, ...] = ("low", "high")) -> Predictions:
    """`ticks` windows of 4 s in each of `trials` trials of each person, 200 ms apart; the classes take turns.

    Nothing is rated and nothing is known: the answers are the prior's.
    """
    windows, labels = [], []
    for person in range(people):
        for trial in range(trials):
            for tick in range(ticks):
                end_s = 100.0 * trial + 10 + tick / 5
                windows.append(Window("made", f"P{person}", "session", end_s - 4, end_s, f"trial {trial}"))
                labels.append(names[(trial + person) % len(names)])
    n = len(windows)
    return Predictions(
        "expert",
        DIMENSIONS,
        KNOWN,
        tuple(windows),
        tuple(labels),
        targets=np.full((n, 3), np.nan),
        shares=np.zeros((n, len(EMOTIONS))),
        vad_mean=np.zeros((n, 3)),
        vad_sd=np.full((n, 3), 0.5),
        probabilities=np.tile(np.array([1 / 3] * 3 + [0.0] * 5), (n, 1)),
        ambivalence=np.full(n, np.nan),
        present=np.ones(n, bool),
        elapsed_s=np.array([window.end_s for window in windows]),
    )


def is_high(predictions: Predictions, high: str = "high") -> np.ndarray:
    return np.array([name == high for name in predictions.names])


def knowing_arousal(predictions: Predictions, noise: float = 0.3, seed: int = 0) -> Predictions:
    """Arousal is said to be higher in the class `high`, with an error of that size from window to window."""
    mean = predictions.vad_mean.copy()
    error = np.random.default_rng(seed).normal(0, noise, len(predictions))
    mean[:, 1] = np.clip(np.where(is_high(predictions), 0.3, -0.3) + error, -1, 1)
    return replace(predictions, vad_mean=mean)


def rated(predictions: Predictions, error: float, told: float, seed: int = 0) -> Predictions:
    """Arousal is rated, once for each trial, and said with that error and that SD."""
    random = np.random.default_rng(seed)
    trials = {}
    for window in predictions.windows:
        trials.setdefault((window.person, window.trial), random.uniform(-0.8, 0.8))
    truth = np.array([trials[window.person, window.trial] for window in predictions.windows])
    targets, mean, sd = predictions.targets.copy(), predictions.vad_mean.copy(), predictions.vad_sd.copy()
    targets[:, 1] = truth
    mean[:, 1] = np.clip(truth + random.normal(0, error, len(truth)), -1, 1)
    sd[:, 1] = told
    return replace(predictions, targets=targets, vad_mean=mean, vad_sd=sd)


def emotional(predictions: Predictions, right: float, seed: int = 0) -> Predictions:
    """The classes are emotions; the labelled one is called so in a share `right` of windows, else one of the others."""
    random = np.random.default_rng(seed)
    shares, probabilities = predictions.shares.copy(), np.zeros_like(predictions.probabilities)
    for row, name in enumerate(predictions.names):
        if name not in EMOTIONS:
            continue
        shares[row, EMOTIONS.index(name)] = 1.0
        called = name if name in KNOWN and random.random() < right else random.choice([k for k in KNOWN if k != name])
        probabilities[row, : len(KNOWN)] = 0.1
        probabilities[row, EMOTIONS.index(called)] = 0.8
    probabilities[~shares.any(axis=1), : len(KNOWN)] = 1 / 3
    return replace(predictions, shares=shares, probabilities=probabilities)
