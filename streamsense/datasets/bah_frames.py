"""BAH's annotation of single pictures, and its published parts (train, val, test) by video.

The layout is that of two programs that read it (the publishers' own, and one of a participant of the challenge): a YAML
mapping of each video's path to, among others, `frame_annotation`, a list of `[…frame-NUMBER.jpg, 0 or 1]`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import yaml

from streamsense.datasets.bah import list_entries
from streamsense.errors import DatasetError

FrameLabels = npt.NDArray[np.int8]
"""Of each picture of a video, in order: 1 ambivalent or hesitant, 0 not, -1 not annotated."""
PARTS = ("train", "val", "test")
_MOST_BYTES = 512 << 20
_MOST_FRAMES = 1 << 20
_NUMBER = re.compile(r"(\d{1,9})\.\w+$")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def frame_labels(path: Path) -> dict[str, FrameLabels]:
    """The labels of each video's pictures, by the name of its file without ending.

    Where the pictures' names hold no number, they count in their order. Raises DatasetError for another layout.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise DatasetError(f"{path} has {path.stat().st_size >> 20} MiB, expected up to {_MOST_BYTES >> 20}.")
        with path.open("rb") as file:
            content = yaml.load(file, _LOADER)  # noqa: S506  (a safe loader)
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror}. Expected BAH's annotation of frames.") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise DatasetError(f"{path} is no YAML ({' '.join(str(error).split())[:200]}).") from None
    if not isinstance(content, dict) or not content:
        raise _other_layout(path, "no mapping of videos")
    return {Path(str(video)).stem: _of_video(path, str(video), entry) for video, entry in content.items()}


def _of_video(path: Path, video: str, entry: object) -> FrameLabels:
    rows = entry.get("frame_annotation") if isinstance(entry, dict) else None
    if not isinstance(rows, list) or len(rows) > _MOST_FRAMES:
        raise _other_layout(path, f"no list frame_annotation for {video[:80]}")
    found: dict[int, int] = {}
    for place, row in enumerate(rows):
        if not (isinstance(row, list) and len(row) >= 2 and row[1] in (0, 1) and not isinstance(row[1], str)):
            raise _other_layout(path, f"the row {str(row)[:80]} for {video[:80]}")
        number = _NUMBER.search(str(row[0]))
        found[int(number[1]) if number else place] = int(row[1])
    if found and max(found) - min(found) >= _MOST_FRAMES:
        raise _other_layout(path, f"pictures numbered {min(found)} to {max(found)} for {video[:80]}")
    # Whether they count from 0 or 1 is not known: the first one that is named is the first of the video.
    labels = np.full(max(found) - min(found) + 1 if found else 0, -1, np.int8)
    for number_of, label in found.items():
        labels[number_of - min(found)] = label
    return labels


def published_parts(folder: Path) -> dict[str, str]:
    """Which of PARTS each video belongs to, by the name of its file without ending, from the lists in `folder`.

    Raises DatasetError where a list is missing, or a video or a person is in two of them.
    """
    part_of: dict[str, str] = {}
    person_in: dict[str, str] = {}
    for part in PARTS:
        lists = [path for path in sorted(folder.glob(f"**/{part}.txt")) if "frame-level" not in path.parts]
        if not lists:
            raise DatasetError(f"{folder} has no {part}.txt. Expected the lists of BAH's video-level split (split-0).")
        for video, _ in _unique(lists):
            name, person = Path(video).stem, Path(video).parts[1] if len(Path(video).parts) > 1 else video
            if part_of.setdefault(name, part) != part or person_in.setdefault(person, part) != part:
                raise DatasetError(f"{video} is in {part}.txt, its person also in {person_in[person]}.txt.")
    return part_of


def _unique(lists: Iterable[Path]) -> list[tuple[str, str]]:
    return sorted({entry for path in lists for entry in list_entries(path)})


def _other_layout(path: Path, found: str) -> DatasetError:
    return DatasetError(
        f"{path} has {found}. Expected BAH's annotation: each video's path with a list frame_annotation of "
        "[picture, 0 or 1]."
    )
