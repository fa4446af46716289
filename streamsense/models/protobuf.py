"""Protocol buffers as plain fields: read without trusting a length, and written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple


class Field(NamedTuple):
    """One field of a message, found at bytes `[start, end)` of it.

    `value` is an integer, the bytes of a text or message, or None for a number of fixed size.
    """

    number: int
    value: int | memoryview | None
    start: int
    end: int


def fields(content: memoryview) -> Iterator[Field]:
    """The fields of one message. Raises ValueError or IndexError where it is damaged."""
    position = 0
    while position < len(content):
        start = position
        key, position = _read_varint(content, position)
        number, wire = key >> 3, key & 7
        value: int | memoryview | None = None
        if wire == 0:
            value, position = _read_varint(content, position)
        elif wire == 2:
            length, position = _read_varint(content, position)
            value = content[position : position + length]
            position += length
        elif wire in (1, 5):
            position += 8 if wire == 1 else 4
        else:
            raise ValueError(f"wire type {wire} at byte {position}")
        if position > len(content):
            raise ValueError("it ends too early")
        yield Field(number, value, start, position)


def integer_field(number: int, value: int) -> bytes:
    """A field with an integer that is not negative."""
    return _varint(number << 3) + _varint(value)


def bytes_field(number: int, value: bytes) -> bytes:
    """A field with a text (UTF-8) or a message."""
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _read_varint(content: memoryview, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = content[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise ValueError(f"a number longer than 10 bytes at byte {position}")


def _varint(value: int) -> bytes:
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)
