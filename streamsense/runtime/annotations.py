"""Segments as annotations of MNE: which emotion when, in a file that `mne.read_annotations` puts on the same EEG.

Onsets count the EEG's samples, at its declared rate, from its first one, and have no date (MNE's `orig_time` is None).
So `raw.set_annotations` puts a segment at the very samples during which it was shown, in a Raw that was read from an
EEG file as in one that was made of the samples of an XDF file, whatever the amplifier's clock did and however many
samples were lost on the way.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from streamsense.arrays import FloatArray
from streamsense.errors import ConfigError, SinkError
from streamsense.score import Notice, Score
from streamsense.sources.recorded import Recording, Selection
from streamsense.streams import Block, Kind
from streamsense.told_segments import ToldSegment, ToldSegments

ENDINGS = (".txt", "-annot.fif", "-annot.fif.gz")
"""MNE's own names. Its CSV holds dates only, and a file of segments without a date comes back moved."""
AMBIVALENCE = "ambivalence"


def check_annotations_path(path: Path) -> None:
    """Raise a StreamsenseError where annotations cannot be written to `path`, before anything is computed."""
    if not path.name.lower().endswith(ENDINGS):
        raise ConfigError(
            f"--annotations was {str(path)!r}, expected a file that ends in {', '.join(ENDINGS[:-1])} or "
            f"{ENDINGS[-1]}, as MNE names them."
        )
    if path.exists():
        raise SinkError(f"{path} is there already and is not overwritten. Name another file.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SinkError(f"The folder {path.parent} cannot be made: {error.strerror}. Name another file.") from error


class EegSamples:
    """The EEG of a recording: how many of its samples lie before an instant of the session."""

    def __init__(self, recording: Recording, selection: Selection) -> None:
        """Raises ConfigError where no stream was selected as EEG, or its rate is not known."""
        chosen = [stream for stream in recording.streams if selection.get(stream.stream_id) == ("eeg", "eeg")]
        if not chosen or not chosen[0].nominal_rate_hz > 0:
            raise ConfigError(
                f"{recording.path} has no EEG that is scored, so there is nothing that annotations could be put on. "
                "Expected EEG at a declared rate; leave --annotations out, or name the stream: --eeg NAME."
            )
        self._recording = recording
        self._stream = chosen[0]

    @property
    def rate_hz(self) -> float:
        """As its sender declared it."""
        return self._stream.nominal_rate_hz

    def before(self, times: Sequence[float]) -> FloatArray:
        """For each of `times` (n,) in s of the session: the number (n,) of samples before it. Reads the stream once."""
        selection: dict[int, tuple[str, Kind]] = {self._stream.stream_id: ("eeg", "eeg")}
        counts = np.zeros(len(times))
        for event in self._recording.events(selection):
            if isinstance(event, Block) and len(event):
                # A block was received at its last stamp on our clock: the sender's offset, where it has one.
                own = np.sort(event.stamps + (event.received - event.stamps[-1]))
                counts += np.searchsorted(own, times, "left")
        return counts


class AnnotationFile:
    """Gathers the segments that a replay tells of, and writes them when it is closed, also when it was interrupted."""

    def __init__(self, path: Path, eeg: EegSamples) -> None:
        check_annotations_path(path)
        self._path, self._eeg = path, eeg
        self._told = ToldSegments()
        self._last_time = -np.inf
        self.written = 0
        """How many annotations the file has."""

    def write_score(self, score: Score) -> None:
        """Note how far the replay has come."""
        self._last_time = score.time

    def write_notice(self, notice: Notice) -> None:
        """Take in one notice."""
        self._told.take(notice)

    def close(self) -> None:
        """Write the file: whole, or not at all. What is still shown ends with the last tick. Raises SinkError."""
        import mne  # half a second, which only those who want annotations should wait for

        segments = self._told.until(self._last_time)
        onsets, ends = np.split(self._eeg.before([one.onset for one in segments] + [one.offset for one in segments]), 2)
        there = ends > onsets  # what was shown before the EEG began or after it ended lies on none of its samples
        names = [_description(one) for one, kept in zip(segments, there.tolist(), strict=True) if kept]
        annotations = mne.Annotations(
            onsets[there] / self._eeg.rate_hz, (ends - onsets)[there] / self._eeg.rate_hz, names, orig_time=None
        )
        partial = self._path.with_name(f".partial-{self._path.name}")
        try:
            annotations.save(partial, overwrite=True, verbose="ERROR")
            partial.replace(self._path)
        except OSError as error:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
            raise SinkError(f"{self._path} cannot be written: {error.strerror or error}. Name another file.") from error
        self.written = len(names)


def _description(segment: ToldSegment) -> str:
    """Names with a slash are tags to MNE: epochs["emotion"] are those of any emotion."""
    return AMBIVALENCE if segment.is_ambivalence else f"emotion/{segment.what}"
