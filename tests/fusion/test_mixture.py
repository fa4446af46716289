"""The emotion mixture: what a place in valence, arousal and dominance says, and what a mixture is called."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import norm

from streamsense.fusion.emotions import EMOTIONS, PRIOR_SD, VAD_CENTROID_SDS, VAD_CENTROIDS
from streamsense.fusion.mixture import COMPOUNDS, name_of, with_vote

EVERYTHING = np.ones(3)
ANYTHING = np.full(8, 1 / 8)
threes = arrays(np.float64, 3, elements=st.floats(-1, 1))
shares = arrays(np.float64, 8, elements=st.floats(0, 1)).filter(lambda p: p.sum() > 0.1).map(lambda p: p / p.sum())


# Contempt's Gaussian is wide and lies within that of disgust: by its place alone it is never the likeliest.
@pytest.mark.parametrize("emotion", [emotion for emotion in EMOTIONS if emotion != "contemptuous"])
def test_who_is_surely_where_an_emotion_is_has_that_emotion(emotion: str) -> None:
    place = VAD_CENTROIDS[EMOTIONS.index(emotion)]
    found = with_vote(ANYTHING, place, np.full(3, 2 * np.log(0.02)), EVERYTHING, 1.0)
    assert EMOTIONS[int(found.argmax())] == emotion


@given(threes, st.floats(0.02, 0.45), arrays(np.float64, 3, elements=st.sampled_from([0.0, 1.0])), st.floats(0.01, 0.2))
def test_a_vote_is_by_the_gaussians_of_the_dimensions_that_are_known(mean, sd, evidence, share) -> None:
    variance = np.full(3, sd**2)
    seen = 1 / variance - 1 / PRIOR_SD**2
    expected = np.zeros(8)
    for dimension in np.flatnonzero(evidence):
        spread = np.sqrt(VAD_CENTROID_SDS[:, dimension] ** 2 + 1 / seen[dimension])
        at = mean[dimension] / variance[dimension] / seen[dimension]
        expected += norm.logpdf(at, VAD_CENTROIDS[:, dimension], spread)
    found = np.log(with_vote(ANYTHING, mean, np.log(variance), evidence, share))
    np.testing.assert_allclose(found - found.max(), share * (expected - expected.max()), atol=1e-9)


@given(shares, threes, st.floats(PRIOR_SD, 2.0), st.floats(0, 1))
def test_an_opinion_that_knows_no_more_than_the_prior_tells_nothing(before, mean, sd, share) -> None:
    after = with_vote(before, mean, np.full(3, 2 * np.log(sd)), EVERYTHING, share)
    np.testing.assert_allclose(after, before, atol=1e-12)


@given(shares, threes, st.floats(0.02, 2.0), st.floats(0, 1))
def test_a_mixture_stays_one_whatever_is_mixed_in(before, mean, sd, share) -> None:
    after = with_vote(before, mean, np.full(3, 2 * np.log(sd)), EVERYTHING, share)
    assert np.isfinite(after).all()
    assert (after >= 0).all()
    assert after.sum() == pytest.approx(1)


@given(shares)
def test_every_mixture_has_a_name_with_its_strongest_emotion(probabilities) -> None:
    name = name_of(probabilities)
    strongest = EMOTIONS[int(probabilities.argmax())]
    assert name == strongest or name in COMPOUNDS.values() or strongest in name


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        ({"happy": 0.9, "surprised": 0.1}, "happy"),
        ({"happy": 0.5, "surprised": 0.4, "sad": 0.1}, "happily surprised"),
        ({"happy": 0.5, "sad": 0.5}, "bittersweet"),
        ({"angry": 0.4, "contemptuous": 0.6}, "contemptuous and angry"),
        ({"neutral": 0.6, "sad": 0.4}, "neutral"),
    ],
)
def test_names(parts: dict[str, float], name: str) -> None:
    assert name_of(np.array([parts.get(emotion, 0.0) for emotion in EMOTIONS])) == name
