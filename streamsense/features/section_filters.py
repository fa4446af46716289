"""Second-order sections over many channels at once, in compiled loops that carry their state.

The channels are the innermost loop, without branches: so the compiler computes several channels with one instruction,
each in the order of operations of scipy.signal.sosfilt (direct form II, transposed). One sample after another, so that
cutting the same samples into other blocks gives the same bytes.
"""

from __future__ import annotations

from numba import njit

from streamsense.streams import FloatArray


@njit(cache=True)  # type: ignore[untyped-decorator]
def filter_front(
    front: FloatArray,
    notch: bool,
    state: FloatArray,
    x: FloatArray,
    own: FloatArray,
    line: FloatArray,
    other_line: FloatArray,
) -> None:
    """High-pass and, if `notch`, notch over `x` into `own`; `line` and `other_line` are what the notches take away."""
    b0, b1, b2, a1, a2 = front[0, 0], front[0, 1], front[0, 2], front[0, 4], front[0, 5]
    d0, d1, d2, c1, c2 = front[1, 0], front[1, 1], front[1, 2], front[1, 4], front[1, 5]
    f0, f1, f2, e1, e2 = front[2, 0], front[2, 1], front[2, 2], front[2, 4], front[2, 5]
    one, two, three, four = state[0, 0], state[0, 1], state[1, 0], state[1, 1]
    five, six = state[2, 0], state[2, 1]
    for i in range(x.shape[0]):
        for c in range(x.shape[1]):
            value = x[i, c]
            high = b0 * value + one[c]
            one[c] = b1 * value - a1 * high + two[c]
            two[c] = b2 * value - a2 * high
            without = d0 * high + three[c]
            three[c] = d1 * high - c1 * without + four[c]
            four[c] = d2 * high - c2 * without
            line[i, c] = high - without
            own[i, c] = without if notch else high
        for c in range(x.shape[1]):
            value = own[i, c]
            without = f0 * value + five[c]
            five[c] = f1 * value - e1 * without + six[c]
            six[c] = f2 * value - e2 * without
            other_line[i, c] = value - without


@njit(cache=True)  # type: ignore[untyped-decorator]
def filter_one(section: FloatArray, state: FloatArray, x: FloatArray, y: FloatArray) -> None:
    """One second-order section from `state` (2, channels) over `x` (n, channels) into `y`, which may be `x`."""
    b0, b1, b2, a1, a2 = section[0], section[1], section[2], section[4], section[5]
    one, two = state[0], state[1]
    for i in range(x.shape[0]):
        for c in range(x.shape[1]):
            value = x[i, c]
            after = b0 * value + one[c]
            one[c] = b1 * value - a1 * after + two[c]
            two[c] = b2 * value - a2 * after
            y[i, c] = after


@njit(cache=True)  # type: ignore[untyped-decorator]
def filter_two(sections: FloatArray, state: FloatArray, s: int, x: FloatArray, y: FloatArray) -> None:
    """The sections `s` and `s` + 1 at once, from `state` (sections, 2, channels): a value is read only once."""
    b0, b1, b2, a1, a2 = sections[s, 0], sections[s, 1], sections[s, 2], sections[s, 4], sections[s, 5]
    d0, d1, d2 = sections[s + 1, 0], sections[s + 1, 1], sections[s + 1, 2]
    c1, c2 = sections[s + 1, 4], sections[s + 1, 5]
    one, two, three, four = state[s, 0], state[s, 1], state[s + 1, 0], state[s + 1, 1]
    for i in range(x.shape[0]):
        for c in range(x.shape[1]):
            value = x[i, c]
            between = b0 * value + one[c]
            one[c] = b1 * value - a1 * between + two[c]
            two[c] = b2 * value - a2 * between
            after = d0 * between + three[c]
            three[c] = d1 * between - c1 * after + four[c]
            four[c] = d2 * between - c2 * after
            y[i, c] = after
