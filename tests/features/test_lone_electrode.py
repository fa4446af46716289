"""A cap on which a single electrode has contact: that one is the average of all good ones, so nothing is left of it."""

from __future__ import annotations

import numpy as np

from streamsense.features.band_entropy import BandEntropy
from streamsense.streams import StreamInfo, TimedBlock
from tests.helpers import sessions

RATE_HZ = 250.0
LABELS = sessions.EEG_LABELS


def heard(alike: bool) -> BandEntropy:
    """40 s in which only the first electrode is live, or in which all carry the very same signal."""
    info = StreamInfo("eeg", "eeg", "t", "EEG", "t", LABELS, ("microvolts",) * len(LABELS), RATE_HZ, "float32")
    operator = BandEntropy()
    operator.open(info)
    samples = np.zeros((round(40 * RATE_HZ), len(LABELS)))
    signal = np.random.default_rng(0).normal(0, 20, len(samples))
    samples[:, : len(LABELS) if alike else 1] = signal[:, None]
    operator.push(TimedBlock("eeg", 0, np.arange(len(samples)) / RATE_HZ, samples))
    return operator


def test_an_electrode_that_is_its_own_reference_measures_nothing() -> None:
    operator = heard(alike=False)
    feature = operator.feature_at(40.0)
    assert not feature.inputs["electrode_mask"].any()
    assert feature.quality == 0
    assert feature.reasons == (f"{len(LABELS)} of {len(LABELS)} electrodes flat",)
    assert operator.learned() is None, "its rounding errors are no baseline"


def test_electrodes_that_all_carry_the_same_measure_nothing() -> None:
    feature = heard(alike=True).feature_at(40.0)
    assert not feature.inputs["electrode_mask"].any()
    assert feature.quality == 0
