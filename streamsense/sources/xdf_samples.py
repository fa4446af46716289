"""The content of XDF sample chunks: stamps and values, decoded a whole chunk at a time."""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from streamsense.sources.recorded import FORMAT_DTYPES
from streamsense.streams import FloatArray

_BAD_WIDTH = "a sample's stamp is neither 0 nor 8 bytes wide"
Bytes = npt.NDArray[np.uint8]


class DamagedChunk(Exception):
    """A chunk whose content does not follow the format; its text says what was found."""


class SampleDecoder:
    """Decodes the sample chunks of one stream, in file order: a sample without a stamp follows the one before.

    `channel_format` is one of FORMAT_DTYPES, `rate_hz` 0 for an irregular stream (a missing stamp then repeats
    the one before, as the reference reader has it).
    """

    def __init__(self, channel_format: str, channels: int, rate_hz: float) -> None:
        self.channels = channels
        self.interval_s = 1 / rate_hz if rate_hz > 0 else 0.0
        self.previous_stamp = 0.0
        self._is_text = channel_format == "string"
        self._dtype = np.dtype("u1" if self._is_text else FORMAT_DTYPES[channel_format])
        row = (self._dtype.newbyteorder("<"), (channels,))
        self._row_bytes = channels * self._dtype.itemsize
        # A record must be packed: its stamp begins at byte 1, unaligned.
        self._stamped = np.dtype([("width", "u1"), ("stamp", "<f8"), ("values", *row)])
        self._bare = np.dtype([("width", "u1"), ("values", *row)])

    def decode(self, payload: bytes) -> tuple[FloatArray, npt.NDArray[np.generic], list[list[str]]]:
        """Stamps (n,), values (n, channels) and rows of texts; strings have (n, 0) values, numbers no texts.

        Raises DamagedChunk when the content does not fit its own sample count and the stream's format.
        """
        count, start = _variable_int(payload, 0)
        if self._is_text:
            stamps, rows = self._decode_text(payload, start, count)
            return stamps, np.empty((len(stamps), 0), np.float32), rows
        stamps, values = self._decode_numbers(payload, start, count)
        return stamps, values, []

    def _decode_numbers(self, payload: bytes, start: int, count: int) -> tuple[FloatArray, npt.NDArray[np.generic]]:
        size = len(payload) - start
        if not count * self._bare.itemsize <= size <= count * self._stamped.itemsize:
            raise DamagedChunk(f"{count} samples of {self.channels} channels do not fit {size} bytes")
        if count == 0:
            return np.empty(0), np.empty((0, self.channels), self._dtype)
        # The length alone tells the two usual layouts apart from all others.
        if size == count * self._stamped.itemsize:
            records = np.frombuffer(payload, self._stamped, count, start)
            _require_width(records["width"], 8)
            stamps = records["stamp"].astype(np.float64)
        elif size == count * self._bare.itemsize:
            records = np.frombuffer(payload, self._bare, count, start)
            _require_width(records["width"], 0)
            steps = np.full(count, self.interval_s)
            steps[0] += self.previous_stamp
            # One addition after the other, as a reader that goes sample by sample rounds them.
            stamps = np.add.accumulate(steps)
        else:
            return self._decode_mixed(np.frombuffer(payload, np.uint8, size, start), count)
        self.previous_stamp = float(stamps[-1])
        return stamps, np.array(records["values"], self._dtype, order="C")

    def _decode_mixed(self, content: Bytes, count: int) -> tuple[FloatArray, npt.NDArray[np.generic]]:
        stamp_bytes = np.zeros((count, 8), np.uint8)
        value_bytes = np.empty((count, self._row_bytes), np.uint8)
        stamped = np.zeros(count, np.bool_)
        if _gather_mixed(content, stamp_bytes, value_bytes, stamped) != len(content):
            raise DamagedChunk(f"the stamps of {count} samples do not fit {len(content)} bytes")
        stamps = stamp_bytes.view("<f8")[:, 0].astype(np.float64)
        _deduce_stamps(stamps, stamped, self.previous_stamp, self.interval_s)
        self.previous_stamp = float(stamps[-1])
        return stamps, value_bytes.view(self._dtype.newbyteorder("<")).astype(self._dtype)

    def _decode_text(self, payload: bytes, start: int, count: int) -> tuple[FloatArray, list[list[str]]]:
        # One byte for the stamp's width and two for the length of each string is the least that a sample takes.
        if count * (1 + 2 * self.channels) > len(payload) - start:
            raise DamagedChunk(f"{count} samples of {self.channels} strings do not fit {len(payload) - start} bytes")
        stamps = np.empty(count)
        rows: list[list[str]] = []
        at = start
        previous = self.previous_stamp
        for index in range(count):
            width = payload[at] if at < len(payload) else -1
            if width not in (0, 8):
                raise DamagedChunk(_BAD_WIDTH)
            previous = _double(payload, at + 1) if width == 8 else previous + self.interval_s
            stamps[index] = previous
            at += 1 + width
            row = []
            for _ in range(self.channels):
                length, at = _variable_int(payload, at)
                if at + length > len(payload):
                    raise DamagedChunk(f"a string of {length} bytes does not fit the {len(payload) - at} that are left")
                # Escaped surrogates keep bytes that are not UTF-8 (pictures in strings, for one).
                row.append(payload[at : at + length].decode("utf-8", "surrogateescape"))
                at += length
            rows.append(row)
        if at != len(payload):
            raise DamagedChunk(f"{len(payload) - at} bytes are left over after {count} samples")
        self.previous_stamp = previous
        return stamps, rows


def _require_width(widths: npt.NDArray[np.generic], expected: int) -> None:
    if not (widths == expected).all():
        raise DamagedChunk(_BAD_WIDTH)


def _variable_int(payload: bytes, at: int) -> tuple[int, int]:
    """The variable-length integer at `at`, and the position after it."""
    width = payload[at] if at < len(payload) else 0
    end = at + 1 + width
    if width not in (1, 4, 8) or end > len(payload):
        raise DamagedChunk(f"no length can be read at byte {at} of its content")
    return int.from_bytes(payload[at + 1 : end], "little"), end


def _double(payload: bytes, at: int) -> float:
    if at + 8 > len(payload):
        raise DamagedChunk("a stamp is cut off")
    return float(np.frombuffer(payload, "<f8", 1, at)[0])


@numba.njit(nogil=True)  # type: ignore[untyped-decorator]
def _gather_mixed(content: Bytes, stamp_bytes: Bytes, value_bytes: Bytes, stamped: npt.NDArray[np.bool_]) -> int:
    """Split samples of which only some carry a stamp; the bytes used, or -1 where the content does not fit."""
    row = value_bytes.shape[1]
    at = 0
    for index in range(len(stamped)):
        if at >= len(content):
            return -1
        width = content[at]
        at += 1
        if (width != 0 and width != 8) or at + width + row > len(content):
            return -1
        if width == 8:
            stamped[index] = True
            for byte in range(8):
                stamp_bytes[index, byte] = content[at + byte]
            at += 8
        for byte in range(row):
            value_bytes[index, byte] = content[at + byte]
        at += row
    return at


@numba.njit(nogil=True)  # type: ignore[untyped-decorator]
def _deduce_stamps(stamps: FloatArray, stamped: npt.NDArray[np.bool_], previous: float, interval_s: float) -> None:
    """Give each sample without a stamp the one before it plus the nominal interval, in place."""
    for index in range(len(stamps)):
        if not stamped[index]:
            stamps[index] = previous + interval_s
        previous = stamps[index]
