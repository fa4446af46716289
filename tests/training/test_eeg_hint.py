"""Closed eyes as they are made up, and what the fit does with them."""

import numpy as np
import torch

from streamsense.features.band_settings import BAND_NAMES
from streamsense.features.electrodes import ELECTRODES
from streamsense.training.eeg_hint import with_eyes_closed

ALPHA, GAMMA = BAND_NAMES.index("alpha"), BAND_NAMES.index("gamma")


def test_alpha_rises_most_at_the_back_and_never_beyond_what_is_published():
    values = torch.randn(200, len(ELECTRODES), len(BAND_NAMES))
    rise = (with_eyes_closed(values, ELECTRODES) - values).numpy()
    back, front = (rise[:, ELECTRODES.index(name), ALPHA] for name in ("Oz", "Fpz"))
    assert 0.33 < back.min() < 0.45
    assert 0.9 < back.max() < 1.0
    np.testing.assert_allclose(front / back, 0.3, atol=0.02)
    others = [band for band in range(len(BAND_NAMES)) if band not in (ALPHA, GAMMA)]
    assert (rise[:, :, others] <= 0.31 * rise[:, :, [ALPHA]]).all()
    assert (rise[:, :, others].max(axis=(1, 2)) > 0.01).any()
    assert rise[:, :, GAMMA].max() < 1e-6


def test_the_same_seed_closes_the_eyes_in_the_same_way():
    values = torch.zeros(5, len(ELECTRODES), len(BAND_NAMES))
    found = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        found.append(with_eyes_closed(values, ELECTRODES))
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])
