"""Several networks as one: their mean, and less of it for windows unlike those that they were fitted on."""

import math

import pytest
import torch

from streamsense.features.band_settings import BAND_NAMES
from streamsense.features.electrodes import ELECTRODES
from streamsense.training.eeg_committee import AROUSAL_OF_WORK, committee, distance
from streamsense.training.rbtransformer import RBTransformer, RBTransformerSettings

NAMES = ELECTRODES[:6]


@pytest.fixture
def members():
    torch.manual_seed(3)
    bands = len(BAND_NAMES)
    return [
        RBTransformer(NAMES, RBTransformerSettings(), torch.zeros(bands).numpy(), torch.ones(bands).numpy()).eval()
        for _ in range(3)
    ]


@pytest.fixture
def windows():
    return torch.randn(400, len(NAMES), len(BAND_NAMES), generator=torch.Generator().manual_seed(1))


def test_within_what_was_fitted_it_says_the_mean(members, windows):
    made = committee(members, windows, torch.ones(400, len(NAMES)))
    near, mask = 0.5 * windows[:5], torch.ones(5, len(NAMES))
    with torch.no_grad():
        said = [member(near, mask) for member in members]
        for found, parts in zip(made(near, mask), zip(*said, strict=True), strict=True):
            torch.testing.assert_close(found, torch.stack(parts).mean(0))


def test_a_hundredth_of_what_was_fitted_is_further_than_the_furthest(members, windows):
    mask = torch.ones(400, len(NAMES))
    made = committee(members, windows, mask)
    with torch.no_grad():
        beyond = distance(members[0], windows, mask) > made.furthest
    assert int(beyond.sum()) == 4


def test_far_from_what_was_fitted_it_only_guesses(members, windows):
    made = committee(members, 0.01 * windows, torch.ones(400, len(NAMES)))
    with torch.no_grad():
        logit, log_variance = made(100 * windows, torch.ones(400, len(NAMES)))
    assert logit.abs().max() < 1e-3
    torch.testing.assert_close(
        log_variance, torch.full_like(log_variance, math.log(AROUSAL_OF_WORK**2)), atol=1e-3, rtol=0
    )


def test_what_stands_at_absent_electrodes_makes_no_difference(members, windows):
    made = committee(members, windows, torch.ones(400, len(NAMES)))
    mask = torch.ones(5, len(NAMES))
    mask[:, 2] = 0
    other = windows[:5].clone()
    other[:, 2] = 50.0
    with torch.no_grad():
        torch.testing.assert_close(made(windows[:5], mask), made(other, mask))
        assert all(torch.isfinite(said).all() for said in made(other, torch.zeros(5, len(NAMES))))
