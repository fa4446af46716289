"""Second-order sections over many channels at once, in compiled loops that carry their state.

The channels are the innermost loop, without branches: so the compiler computes several channels with one instruction,
each in the order of operations of scipy.signal.sosfilt (direct form II, transposed). One sample after another, so that
cutting the same samples into other blocks gives the same bytes.
"""

from __future__ import annotations

from numba import njit

from streamsense.arrays import FloatArray

Coefficients = tuple[float, float, float, float, float]
"""b0, b1, b2, a1 and a2 of a section; a0 is 1."""


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
    highpass, notch_one, notch_two = _coefficients(front[0]), _coefficients(front[1]), _coefficients(front[2])
    one, two, three, four = state[0, 0], state[0, 1], state[1, 0], state[1, 1]
    five, six = state[2, 0], state[2, 1]
    for i in range(x.shape[0]):
        for c in range(x.shape[1]):
            high = _after(x[i, c], highpass, one, two, c)
            without = _after(high, notch_one, three, four, c)
            line[i, c] = high - without
            own[i, c] = without if notch else high
        for c in range(x.shape[1]):
            value = own[i, c]
            other_line[i, c] = value - _after(value, notch_two, five, six, c)


@njit(cache=True)  # type: ignore[untyped-decorator]
def filter_one(section: FloatArray, state: FloatArray, x: FloatArray, y: FloatArray) -> None:
    """One second-order section from `state` (2, channels) over `x` (n, channels) into `y`, which may be `x`."""
    coefficients, one, two = _coefficients(section), state[0], state[1]
    for i in range(x.shape[0]):
        for c in range(x.shape[1]):
            y[i, c] = _after(x[i, c], coefficients, one, two, c)


@njit(cache=True)  # type: ignore[untyped-decorator]
def filter_two(sections: FloatArray, state: FloatArray, s: int, x: FloatArray, y: FloatArray) -> None:
    """The sections `s` and `s` + 1 at once, from `state` (sections, 2, channels): a value is read only once."""
    first, second = _coefficients(sections[s]), _coefficients(sections[s + 1])
    one, two, three, four = state[s, 0], state[s, 1], state[s + 1, 0], state[s + 1, 1]
    for i in range(x.shape[0]):
        for c in range(x.shape[1]):
            y[i, c] = _after(_after(x[i, c], first, one, two, c), second, three, four, c)


@njit(cache=True)  # type: ignore[untyped-decorator]
def _coefficients(section: FloatArray) -> Coefficients:
    """What a section (6,) multiplies by; read before the loop, which could not know that they stay as they are."""
    return section[0], section[1], section[2], section[4], section[5]


@njit(cache=True)  # type: ignore[untyped-decorator]
def _after(value: float, by: Coefficients, one: FloatArray, two: FloatArray, c: int) -> float:
    """One sample of channel `c` through one section, whose state is `one` and `two` (channels,)."""
    b0, b1, b2, a1, a2 = by
    after: float = b0 * value + one[c]
    one[c] = b1 * value - a1 * after + two[c]
    two[c] = b2 * value - a2 * after
    return after
