"""Spherical-spline interpolation of electrodes that are not good, from those that are (Perrin et al. 1989)."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.polynomial.legendre import legval

from streamsense.arrays import BoolArray, FloatArray, IntArray
from streamsense.features.electrode_positions import POSITIONS_MM

STIFFNESS = 4
"""m of the paper: how smooth the surface is."""
LEGENDRE_TERMS = 7
SMOOTHING = 1e-5
"""λ of the paper: added to each good electrode's own weight."""
NEIGHBOURS, NEAR_MM = 3, 50.0
"""An electrode is interpolated where so many good ones lie so near (SCIENCE 6.4): else it would be a guess."""


@lru_cache(maxsize=16)  # a pure function, whose answer changes when an electrode comes or goes
def interpolation(names: tuple[str, ...], donors: tuple[bool, ...]) -> tuple[IntArray, FloatArray]:
    """Which of the electrodes `names` are interpolated, (k,), and by which weights, (k, electrodes).

    From those that are `donors` (electrodes,); the others' weights are 0. An electrode with too few good ones near it
    is left out.
    """
    places = np.array([POSITIONS_MM[name] for name in names])
    good: BoolArray = np.array(donors)
    distances_mm = np.linalg.norm(places[:, None] - places[None], axis=2)
    filled = np.flatnonzero(~good & ((distances_mm[:, good] <= NEAR_MM).sum(axis=1) >= NEIGHBOURS))
    weights = np.zeros((len(filled), len(names)))
    if len(filled):
        weights[:, good] = spline_weights(places[good], places[filled])
    return filled, weights


def spline_weights(known: FloatArray, wanted: FloatArray) -> FloatArray:
    """Weights (k, n) that give the values at `wanted` (k, 3) from those at `known` (n, 3); each row's sum is 1.

    Positions by their direction from the sphere's middle. Perrin et al. (1989), equations 1 to 3.
    """
    known, wanted = (points / np.linalg.norm(points, axis=1, keepdims=True) for points in (known, wanted))
    n = len(known)
    system = np.ones((n + 1, n + 1))
    system[:n, :n] = _green(known @ known.T) + SMOOTHING * np.eye(n)
    system[n, n] = 0.0
    right = np.hstack([_green(wanted @ known.T), np.ones((len(wanted), 1))])
    return np.asarray(np.linalg.solve(system, right.T).T[:, :n])


def _green(cosine: FloatArray) -> FloatArray:
    """The paper's g: what a point gives to another, by the cosine of the angle between them."""
    terms = [(2 * n + 1) / (n * (n + 1)) ** STIFFNESS / (4 * math.pi) for n in range(1, LEGENDRE_TERMS + 1)]
    return np.asarray(legval(cosine, [0.0, *terms]))
