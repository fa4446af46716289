"""A lab's own recordings (XDF, LabRecorder's and ours) as a data set."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from streamsense.datasets.files import found_files
from streamsense.datasets.lab_labels import LabelSource
from streamsense.datasets.labelled import Dataset, LabelledRecording
from streamsense.errors import AmbiguousStream, DatasetError
from streamsense.sources.recorded import RecordedStream
from streamsense.sources.stream_kinds import choose_streams, is_picture_stream, kind_of
from streamsense.sources.xdf import open_recording
from streamsense.streams import MODALITIES

_PERSON = re.compile(r"sub-([A-Za-z0-9]+)")
_SESSION = re.compile(r"ses-([A-Za-z0-9]+)")


def lab_sessions(source: LabelSource) -> Dataset:
    """A folder of XDF recordings whose labels are where `source` says.

    Whose recording it is stands in its path: `sub-P01` anywhere in it, as LabRecorder writes it, or one folder for each
    person. `ses-` gives the session likewise.
    """
    return Dataset(
        name="lab",
        citation="Your own recordings.",
        licence="yours to decide, and to ask your participants for",
        missing="What your labels mean, and how late people gave them.",
        verified="Read by the readers of this package.",
        read=lambda folder: _recordings(folder, source),
    )


def _recordings(folder: Path, source: LabelSource) -> Iterator[LabelledRecording]:
    files = found_files(folder, "**/*.xdf", "recordings of a lab", "sub-P01/ses-S001/….xdf, or P01/….xdf")
    return _sessions(folder, files, source)


def _sessions(folder: Path, files: list[Path], source: LabelSource) -> Iterator[LabelledRecording]:
    made_by: Counter[str] = Counter()
    for path in files:
        inside = path.relative_to(folder)
        person = _person(folder, inside)
        session = _SESSION.search(str(inside))
        recording = open_recording(path)
        chosen = _modalities(recording.streams)
        yield LabelledRecording(
            dataset="lab",
            person=person,
            session=session[1] if session else "1",
            name=str(inside.with_suffix("")),
            order=made_by[person],
            labels=source.labels(recording),
            opens={modality: partial(open_recording, path) for modality in MODALITIES if modality in chosen},
        )
        made_by[person] += 1


def _modalities(streams: Sequence[RecordedStream]) -> set[str]:
    """What there is to be opened; of several alike, as after a reconnect, whoever opens them must say which."""
    try:
        found = {key for key, _ in choose_streams(streams).selection.values()}
    except AmbiguousStream:
        found = {kind for stream in streams if (kind := kind_of(stream)) is not None}
    if sum(is_picture_stream(stream) and stream.sample_count > 0 for stream in streams) == 1:
        found.add("face")  # the face edge makes vectors of them as they are read
    return found


def _person(folder: Path, inside: Path) -> str:
    if named := _PERSON.search(str(inside)):
        return named[1]
    if len(inside.parts) == 2:
        return inside.parts[0]
    raise DatasetError(
        f"{folder / inside} does not say whose recording it is, and figures are only honest when nobody is in both "
        "halves. Expected sub-NAME in its path, or one folder for each person and none between. Rename it, or move it."
    )
