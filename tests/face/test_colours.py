"""What is usual of a face's colours: the median of its last frames, whenever listening began."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsense.face.colours import _MEMORY_FRAMES, FaceColours, _median_with

POINTS = np.random.default_rng(3).uniform(0.1, 0.9, (468, 3))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 999), memory=st.integers(1, 9), levels=st.integers(1, 5), frames=st.integers(1, 40))
def test_the_median_is_that_of_the_last_frames(seed: int, memory: int, levels: int, frames: int) -> None:
    colours = np.random.default_rng(seed).integers(0, levels, (frames, 8, 3)) / 7
    ordered, last = np.full((8, 3, memory), 99.0), np.full((memory, 8, 3), 99.0)
    for seen, found in enumerate(colours):
        expected = np.median(colours[max(seen + 1 - memory, 0) : seen + 1], axis=0)
        np.testing.assert_array_equal(_median_with(ordered, last, seen, found), expected)


def test_what_is_found_does_not_depend_on_when_listening_began() -> None:
    random = np.random.default_rng(4)
    crops = random.integers(60, 90, (_MEMORY_FRAMES + 120, 32, 32, 3)).astype(np.uint8)
    crops[:100, 8:16] //= 2  # another light, or a hand before it, while only one listens
    early, late = FaceColours(), FaceColours()
    first = [early.change(crop, POINTS) for crop in crops][100:]
    second = [late.change(crop, POINTS) for crop in crops[100:]]
    assert first[0] != second[0]
    assert first[_MEMORY_FRAMES - 1 :] == second[_MEMORY_FRAMES - 1 :]


def test_another_face_begins_anew() -> None:
    crops = np.random.default_rng(5).integers(60, 90, (9, 32, 32, 3)).astype(np.uint8)
    used, fresh = FaceColours(), FaceColours()
    for crop in crops:
        used.change(crop, POINTS)
    used.reset()
    assert [used.change(crop, POINTS) for crop in crops] == [fresh.change(crop, POINTS) for crop in crops]
