"""Clips of sound and film, each of which has one label throughout: what their adapters share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from streamsense.datasets.labelled import LabelledRecording
from streamsense.datasets.labels import Label
from streamsense.errors import DatasetError
from streamsense.sources.recorded import Recording, recording_arrays
from streamsense.sources.sound_file import SOUND_ID, SoundRecording, open_sound_file
from streamsense.streams import Modality

MOST_CLIP_S = 600.0
"""A clip is read whole to find its padding; a file that is longer is none."""


def open_clip(path: Path, heard_s: float | None = None) -> SoundRecording:
    """A clip, of which only the first `heard_s` seconds are read: what its publishers padded is masked."""
    clip = open_sound_file(path)
    if heard_s is None:
        return clip
    stream = clip.streams[SOUND_ID - 1]
    count = min(stream.sample_count, round(heard_s * stream.nominal_rate_hz))
    heard = replace(stream, sample_count=count, last_stamp=(count - 1) / stream.nominal_rate_hz if count else np.nan)
    return replace(clip, streams=(heard,))


def duration_of(path: Path) -> float:
    """Length of a clip in s. Raises DatasetError for one without sound, or one much too long."""
    stream = open_sound_file(path).streams[SOUND_ID - 1]
    duration_s = stream.sample_count / stream.nominal_rate_hz
    if not 0 < duration_s <= MOST_CLIP_S:
        raise DatasetError(
            f"{path} lasts {duration_s:g} s; expected a spoken clip of up to {MOST_CLIP_S:g} s. Get the file anew, or "
            "take it out of the folder."
        )
    return duration_s


def heard_part(path: Path) -> float:
    """Seconds until the last sample that is not exactly zero: silence is never exactly zero, padding always is."""
    duration_s = duration_of(path)
    clip = open_sound_file(path)
    values = recording_arrays(clip)[SOUND_ID].values
    heard = np.flatnonzero(values.any(axis=1))
    if not len(heard):
        raise DatasetError(f"{path} is silent throughout: all of its {duration_s:g} s are zero. Get the file anew.")
    return float((heard[-1] + 1) / clip.streams[0].nominal_rate_hz)


def open_film(path: Path) -> Recording:
    """A film's pictures. They bring OpenCV, which other recordings do without."""
    from streamsense.sources.video_file import open_video_file

    return open_video_file(path)


def film_duration(path: Path) -> float:
    """Seconds from the first picture to the end of the last."""
    stream = open_film(path).streams[0]
    between = (stream.last_stamp - stream.first_stamp) / max(1, stream.sample_count - 1)
    return stream.last_stamp + (between or 0.04)


def clip_recording(
    path: Path, dataset: str, person: str, order: int, label: Label, *, session: str = "1", heard_s: float | None = None
) -> LabelledRecording:
    """A clip that has one label throughout."""
    opens: dict[Modality, Callable[[], Recording]] = {"voice": partial(open_clip, path, heard_s)}
    return LabelledRecording(dataset, person, session, path.stem, order, (label,), opens)
