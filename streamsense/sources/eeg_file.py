"""EEG files (EDF, BDF, FIF, BrainVision) as recordings, read through MNE.

Such a file has one clock and no LSL time: its stamps are `i / rate` from 0. Potentials are given in microvolts,
annotations as a marker stream.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from streamsense.arrays import FloatArray
from streamsense.errors import RecordingError
from streamsense.sources.recorded import FILE_BLOCK_S, RecordedStream, Selection, check_selection
from streamsense.streams import Block, Event, StreamOpened

SIGNALS_ID = 1
ANNOTATIONS_ID = 2
EEG_FILE_ENDINGS = (".edf", ".bdf", ".fif", ".fif.gz", ".vhdr")
_READ_AT_ONCE_BYTES = 8 << 20
_VOLTS = ("v", "mv", "uv", "µv", "μv", "nv")


@dataclass(frozen=True, eq=False)
class EegFileRecording:
    """An EEG file: stream 1 are its signals, stream 2 its annotations (where it has any)."""

    path: Path
    streams: tuple[RecordedStream, ...]
    warnings: tuple[str, ...]
    raw: Any
    picks: npt.NDArray[np.intp]
    scale: FloatArray
    onsets: FloatArray
    annotations: tuple[str, ...]

    def events(self, selection: Selection) -> Iterator[Event]:
        """The selected streams' events in the order of time (see `Recording.events`)."""
        check_selection(self.streams, selection)
        for stream in self.streams:
            if stream.stream_id in selection:
                yield StreamOpened(stream.info(*selection[stream.stream_id]), 0.0)
        markers = self._marker_blocks(selection[ANNOTATIONS_ID][0]) if ANNOTATIONS_ID in selection else iter(())
        waiting = next(markers, None)
        if SIGNALS_ID in selection:
            for block in self._signal_blocks(selection[SIGNALS_ID][0]):
                while waiting is not None and waiting.received < block.received:
                    yield waiting
                    waiting = next(markers, None)
                yield block
        if waiting is not None:
            yield waiting
        yield from markers

    def _signal_blocks(self, key: str) -> Iterator[Block]:
        rate = self.streams[0].nominal_rate_hz
        total = self.streams[0].sample_count
        length = max(1, round(FILE_BLOCK_S * rate))
        at_once = length * max(1, _READ_AT_ONCE_BYTES // (8 * length * len(self.picks)))
        for begin in range(0, total, at_once):
            volts = _with_mne(self.path, partial(self._read, begin, min(begin + at_once, total)))
            values = (volts.T * self.scale).astype(np.float32)
            for start in range(0, len(values), length):
                part = np.ascontiguousarray(values[start : start + length])
                stamps = (begin + start + np.arange(len(part))) / rate
                yield Block(key, begin + start, stamps, part, float(stamps[-1]))

    def _read(self, start: int, stop: int) -> FloatArray:
        return np.asarray(self.raw.get_data(picks=self.picks, start=start, stop=stop, verbose="ERROR"), np.float64)

    def _marker_blocks(self, key: str) -> Iterator[Block]:
        for index, (onset, text) in enumerate(zip(self.onsets, self.annotations, strict=True)):
            yield Block(key, index, np.array([onset]), np.empty((1, 0), np.float32), float(onset), (text,))


def open_eeg_file(path: Path | str) -> EegFileRecording:
    """Open an EEG file without loading its samples. Raises RecordingError when MNE cannot read it."""
    path = Path(path)
    found: list[str] = []
    raw = _with_mne(path, partial(_reader(path), path, preload=False, verbose="WARNING"), found)
    return recording_of_raw(raw, path, found)


def recording_of_raw(raw: Any, path: Path, found: Sequence[str] = ()) -> EegFileRecording:
    """An `mne.io.Raw` as a recording; `path` names it in messages, `found` are warnings about it so far."""
    warned = list(found)
    kinds = raw.get_channel_types()
    bad = raw.info["bads"]
    used = [index for index, kind in enumerate(kinds) if kind != "stim" and raw.ch_names[index] not in bad]
    picks = np.array(used, np.intp)
    rate = float(raw.info["sfreq"])
    if not (len(picks) and 0 < rate < 1e6):
        raise RecordingError(f"{path} has {len(picks)} signal channels at {rate:g} Hz. Expected at least one.")
    if bad:
        warned.append(f"Channels that are marked bad are not read: {', '.join(bad)}.")
    if "stim" in kinds:
        warned.append(f"The trigger channel {raw.ch_names[kinds.index('stim')]!r} is not read; annotations are.")
    in_volts = [_is_potential(raw, int(index)) for index in picks]
    onsets = np.asarray(raw.annotations.onset, np.float64) - raw.first_time
    order = np.argsort(onsets, kind="stable")
    signals = _signals(path, raw, picks, in_volts)
    annotations = tuple(str(raw.annotations.description[index]) for index in order)
    return EegFileRecording(
        path=path,
        streams=(signals, _annotations(path, onsets[order])) if annotations else (signals,),
        warnings=tuple(warned),
        raw=raw,
        picks=picks,
        scale=np.where(in_volts, 1e6, 1.0),
        onsets=onsets[order],
        annotations=annotations,
    )


def _reader(path: Path) -> Callable[..., Any]:
    """MNE's reader for the file's ending."""
    # MNE takes half a second to import, which only those who read such files should wait for.
    import mne

    name = path.name.lower()
    if name.endswith((".fif", ".fif.gz")):
        reader = mne.io.read_raw_fif
    else:
        reader = {".edf": mne.io.read_raw_edf, ".bdf": mne.io.read_raw_bdf, ".vhdr": mne.io.read_raw_brainvision}.get(
            path.suffix.lower()
        )
    if reader is None:
        raise RecordingError(f"{path} is no EEG file that can be read. Expected one of {', '.join(EEG_FILE_ENDINGS)}.")
    return reader  # type: ignore[no-any-return]


def _with_mne(path: Path, read: Callable[[], Any], found: list[str] | None = None) -> Any:
    """Call MNE; its Python warnings go to `found` and its errors, which have no common type, become ours."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", RuntimeWarning)
        try:
            result = read()
        except Exception as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise RecordingError(
                f"{path} cannot be read: {reason}. Expected a whole EDF, BDF, FIF or BrainVision file; "
                "check it with the program that made it."
            ) from error
    if found is not None:
        found.extend(" ".join(str(warning.message).split()) for warning in caught)
    return result


def _is_potential(raw: Any, index: int) -> bool:
    """Whether MNE gives the channel in volts: by its type, unless the file itself says another unit."""
    from mne._fiff.constants import FIFF

    # MNE takes every EDF channel for a potential; the unit that was in the file is kept beside.
    unit = getattr(raw, "_orig_units", {}).get(raw.ch_names[index], "V")
    return bool(raw.info["chs"][index]["unit"] == FIFF.FIFF_UNIT_V and unit.strip().lower() in _VOLTS)


def _signals(path: Path, raw: Any, picks: npt.NDArray[np.intp], in_volts: list[bool]) -> RecordedStream:
    kinds = raw.get_channel_types()
    rate = float(raw.info["sfreq"])
    return RecordedStream(
        stream_id=SIGNALS_ID,
        name=path.stem,
        type="EEG" if any(kinds[index] == "eeg" for index in picks) else "signal",
        source_id="",
        hostname="",
        channel_labels=tuple(raw.ch_names[index] for index in picks),
        channel_units=tuple("microvolts" if volts else "unknown" for volts in in_volts),
        nominal_rate_hz=rate,
        channel_format="float32",
        sample_count=int(raw.n_times),
        first_stamp=0.0 if raw.n_times else np.nan,
        last_stamp=float((raw.n_times - 1) / rate) if raw.n_times else np.nan,
    )


def _annotations(path: Path, onsets: FloatArray) -> RecordedStream:
    return RecordedStream(
        stream_id=ANNOTATIONS_ID,
        name=f"{path.stem} annotations",
        type="Markers",
        source_id="",
        hostname="",
        channel_labels=("annotation",),
        channel_units=("",),
        nominal_rate_hz=0.0,
        channel_format="string",
        sample_count=len(onsets),
        first_stamp=float(onsets[0]),
        last_stamp=float(onsets[-1]),
    )
