"""The content of XDF sample chunks: stamps and values, decoded a whole chunk at a time."""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from streamsense.arrays import FloatArray
from streamsense.sources.recorded import FORMAT_DTYPES

_BAD_WIDTH = "a sample's stamp is neither 0 nor 8 bytes wide"
MAX_SAMPLES = 1 << 24
"""In one chunk: 87 s of sound at 192 kHz. Chunks come each second or more often."""
MAX_TEXTS = 1 << 20
"""In one chunk: a text takes far more memory than it may take of the file."""
_LOOK_SAMPLES = 64
Bytes = npt.NDArray[np.uint8]
_Decoded = tuple[FloatArray, npt.NDArray[np.bool_] | None, npt.NDArray[np.generic], list[list[str]]]


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

        Raises DamagedChunk when the content does not fit its own sample count and the stream's format; stamps are
        NaN from there on until a sample has one of its own.
        """
        stamps, _, values, rows = self._decoded(payload, with_values=True)
        return stamps, values, rows

    def stamps(self, payload: bytes) -> tuple[FloatArray, npt.NDArray[np.bool_] | None]:
        """The stamps (n,) alone, and which of them are the samples' own (None: all). Raises as `decode` does."""
        stamps, own, _, _ = self._decoded(payload, with_values=False)
        return stamps, own

    def lose(self) -> None:
        """Some chunks may be missing here: what follows has no known time until a sample has a stamp of its own."""
        self.previous_stamp = np.nan

    def fits(self, payload: bytes, length: int) -> bool:
        """Whether `payload`, the beginning of a content of `length` bytes, can be one of this stream's chunks.

        Looks at the first samples only. A content of which not all samples have stamps must be there as a whole.
        """
        try:
            count, start = _variable_int(payload, 0)
            if not 0 < count <= MAX_SAMPLES:
                return False
            if self._is_text:
                return self._text_fits(payload, start, count, length)
            size = length - start
            if size in (count * self._stamped.itemsize, count * self._bare.itemsize):
                record = self._stamped if size == count * self._stamped.itemsize else self._bare
                looked = min(count, _LOOK_SAMPLES, (len(payload) - start) // record.itemsize)
                widths = np.frombuffer(payload, record, looked, start)["width"]
                return bool((widths == (8 if record is self._stamped else 0)).all())
            if len(payload) < length or not count * self._bare.itemsize < size < count * self._stamped.itemsize:
                return False
            return self._gather(np.frombuffer(payload, np.uint8, size, start), count) is not None
        except DamagedChunk:
            return False

    def _decoded(self, payload: bytes, with_values: bool) -> _Decoded:
        decoded: _Decoded
        previous, self.previous_stamp = self.previous_stamp, np.nan
        count, start = _variable_int(payload, 0)
        if self._is_text:
            text_stamps, text_own, rows = self._decode_text(payload, start, count, previous)
            decoded = text_stamps, text_own, np.empty((count, 0), np.float32), rows
        else:
            decoded = *self._decode_numbers(payload, start, count, previous, with_values), []
        self.previous_stamp = float(decoded[0][-1]) if count else previous
        return decoded

    def _decode_numbers(
        self, payload: bytes, start: int, count: int, previous: float, with_values: bool
    ) -> tuple[FloatArray, npt.NDArray[np.bool_] | None, npt.NDArray[np.generic]]:
        size = len(payload) - start
        if count > MAX_SAMPLES or not count * self._bare.itemsize <= size <= count * self._stamped.itemsize:
            raise DamagedChunk(f"{count} samples of {self.channels} channels do not fit {size} bytes")
        empty = np.empty((0, self.channels), self._dtype)
        if count == 0:
            return np.empty(0), None, empty
        # The length alone tells the two usual layouts apart from all others.
        own: npt.NDArray[np.bool_] | None = None
        if size == count * self._stamped.itemsize:
            records = np.frombuffer(payload, self._stamped, count, start)
            _require_width(records["width"], 8)
            stamps = records["stamp"].astype(np.float64)
        elif size == count * self._bare.itemsize:
            records = np.frombuffer(payload, self._bare, count, start)
            _require_width(records["width"], 0)
            steps = np.full(count, self.interval_s)
            steps[0] += previous
            # One addition after the other, as a reader that goes sample by sample rounds them.
            stamps = np.add.accumulate(steps)
            own = np.zeros(count, np.bool_)
        else:
            return self._decode_mixed(np.frombuffer(payload, np.uint8, size, start), count, previous)
        return stamps, own, np.array(records["values"], self._dtype, order="C") if with_values else empty

    def _gather(self, content: Bytes, count: int) -> tuple[Bytes, Bytes, npt.NDArray[np.bool_]] | None:
        stamp_bytes = np.zeros((count, 8), np.uint8)
        value_bytes = np.empty((count, self._row_bytes), np.uint8)
        stamped = np.zeros(count, np.bool_)
        whole = _gather_mixed(content, stamp_bytes, value_bytes, stamped) == len(content)
        return (stamp_bytes, value_bytes, stamped) if whole else None

    def _decode_mixed(
        self, content: Bytes, count: int, previous: float
    ) -> tuple[FloatArray, npt.NDArray[np.bool_], npt.NDArray[np.generic]]:
        gathered = self._gather(content, count)
        if gathered is None:
            raise DamagedChunk(f"the stamps of {count} samples do not fit {len(content)} bytes")
        stamp_bytes, value_bytes, stamped = gathered
        stamps = stamp_bytes.view("<f8")[:, 0].astype(np.float64)
        _deduce_stamps(stamps, stamped, previous, self.interval_s)
        return stamps, stamped, value_bytes.view(self._dtype.newbyteorder("<")).astype(self._dtype)

    def _decode_text(
        self, payload: bytes, start: int, count: int, previous: float
    ) -> tuple[FloatArray, npt.NDArray[np.bool_], list[list[str]]]:
        # One byte for the stamp's width and two for the length of each string is the least that a sample takes.
        if count * (1 + 2 * self.channels) > len(payload) - start or count * self.channels > MAX_TEXTS:
            raise DamagedChunk(f"{count} samples of {self.channels} strings do not fit {len(payload) - start} bytes")
        stamps = np.empty(count)
        own = np.empty(count, np.bool_)
        rows: list[list[str]] = []
        at = start
        for index in range(count):
            own[index], stamp, spans = self._text_sample(payload, at, len(payload))
            previous = stamp if own[index] else previous + self.interval_s
            stamps[index] = previous
            # Escaped surrogates keep bytes that are not UTF-8 (pictures in strings, for one).
            rows.append([payload[begin:end].decode("utf-8", "surrogateescape") for begin, end in spans])
            at = spans[-1][1]
        if at != len(payload):
            raise DamagedChunk(f"{len(payload) - at} bytes are left over after {count} samples")
        return stamps, own, rows

    def _text_fits(self, payload: bytes, start: int, count: int, length: int) -> bool:
        if count * (1 + 2 * self.channels) > length - start:
            return False
        at, looked = start, 0
        while looked < min(count, _LOOK_SAMPLES):
            try:
                at = self._text_sample(payload, at, length)[2][-1][1]
            except DamagedChunk:
                # Where the part that was given ends is no fault.
                return len(payload) < length and looked > 0
            looked += 1
            if at >= len(payload):
                break
        return at == length if looked == count else at <= length

    def _text_sample(self, payload: bytes, at: int, size: int) -> tuple[bool, float, list[tuple[int, int]]]:
        """Whether the sample at `at` has a stamp, which, and where its texts begin and end: none after `size`."""
        width = payload[at] if at < len(payload) else -1
        if width not in (0, 8):
            raise DamagedChunk(_BAD_WIDTH)
        stamp = _double(payload, at + 1) if width else np.nan
        at += 1 + width
        spans = []
        for _ in range(self.channels):
            length, at = _variable_int(payload, at)
            if at + length > size:
                raise DamagedChunk(f"a string of {length} bytes does not fit the {size - at} that are left")
            spans.append((at, at + length))
            at += length
        return width == 8, stamp, spans


def starts_bare(payload: bytes) -> bool:
    """Whether the first sample of a chunk has no stamp of its own."""
    try:
        start = _variable_int(payload, 0)[1]
    except DamagedChunk:
        return True
    return payload[start : start + 1] != b"\x08"


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
