"""The leakage sentinel: random labels are recognised where windows are shuffled, and are not where people are "
"parted."""

from __future__ import annotations

import numpy as np
import pytest

from streamsense.errors import EvaluationError
from streamsense.evaluation.leakage import run_sentinel, sentinel_data, shuffled_folds
from streamsense.evaluation.splits import check_split

SEEDS = (0, 1, 2)


def test_random_labels_score_100_percent_shuffled_and_chance_by_recording_and_by_person():
    found = [run_sentinel(seed) for seed in SEEDS]
    assert all(sentinel.shuffled_windows > 0.99 for sentinel in found)
    # 40 labels each: the mean of three runs has a standard deviation of about 0.05 around one half.
    assert np.mean([sentinel.by_recording for sentinel in found]) == pytest.approx(0.5, abs=0.15)
    assert np.mean([sentinel.by_person for sentinel in found]) == pytest.approx(0.5, abs=0.15)


def test_the_splits_that_would_have_scored_100_percent_are_refused():
    data = sentinel_data()
    for split in shuffled_folds(len(data.windows)):
        for group in ("person", "trial"):
            with pytest.raises(EvaluationError, match=f"One {group} is in both halves"):
                check_split(data.windows, split.train, split.test, group)
