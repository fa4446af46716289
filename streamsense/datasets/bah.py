"""BAH: people answering seven questions at their webcams, ambivalent or hesitant in some of the answers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from streamsense.datasets.clips import film_duration, open_clip, open_film
from streamsense.datasets.files import found_files
from streamsense.datasets.labelled import Dataset, LabelledRecording
from streamsense.datasets.labels import Label
from streamsense.errors import DatasetError
from streamsense.sources.recorded import Recording
from streamsense.streams import Modality

_VIDEO = re.compile(r"Videos/([^/]+)/([^/]+)/([^/]*_Question_(\d)_[^/]+\.mp4)")
_CLASSES = {"0": "no_ambivalence", "1": "ambivalence"}
_MOST_LINE = 1 << 16
_LISTS = ("train.txt", "val.txt", "test.txt")


def _recordings(folder: Path) -> Iterator[LabelledRecording]:
    found_files(
        folder, "Videos/*/*/*.mp4", "BAH", "Videos/PERSON/VISIT/….mp4 and the lists train.txt, val.txt, test.txt"
    )
    lists = sorted(path for path in folder.glob("**/*.txt") if path.name in _LISTS and "frame-level" not in path.parts)
    if not lists:
        raise DatasetError(
            f"{folder} has none of {', '.join(_LISTS)}. Expected the lists of BAH's video-level split (split-0). Copy "
            "them in from the publishers' repository."
        )
    return _answers(folder, lists)


def _answers(folder: Path, lists: list[Path]) -> Iterator[LabelledRecording]:
    answers_of: Counter[str] = Counter()
    entries = sorted({entry for path in lists for entry in list_entries(path)})
    for video, code in entries:
        named = _VIDEO.fullmatch(video)
        film = folder / video
        if named is None or ".." in video or not film.is_file():
            raise DatasetError(
                f"The lists of {folder} name {video}, which is not there. Expected Videos/PERSON/VISIT/FILE.mp4 inside "
                "the folder. Unpack all of BAH."
            )
        person, visit, name, _ = named.groups()
        opens: dict[Modality, Callable[[], Recording]] = {"face": partial(open_film, film)}
        if (sound := film.with_suffix(".wav")).is_file():
            opens["voice"] = partial(open_clip, sound)
        label = Label(0.0, film_duration(film), name=_CLASSES[code])
        yield LabelledRecording("bah", person, visit, Path(name).stem, answers_of[person], (label,), opens)
        answers_of[person] += 1


def list_entries(path: Path) -> Iterator[tuple[str, str]]:
    """Path and class of each line; the transcript that follows is left alone."""
    with path.open(encoding="utf-8", errors="replace") as file:
        while line := file.readline(_MOST_LINE):
            if not line.strip():
                continue
            video, _, rest = line.strip().partition(",")
            code = rest.partition(",")[0].strip()
            if code not in _CLASSES:
                raise DatasetError(
                    f"{path} has the line {line[:80]!r}; expected a video, 0 or 1, and the transcript, parted by "
                    "commas. Take the lists of the video-level split as they were published."
                )
            yield video, code


BAH = Dataset(
    name="bah",
    citation=(
        "González-González et al. (2025), BAH dataset for ambivalence/hesitancy recognition in videos for behavioural "
        "change, arXiv 2505.19328; github.com/sbelharbi/bah-dataset."
    ),
    licence="signed end-user licence agreement, faculty only; no redistribution",
    missing=(
        "One label for a whole video; the annotation of single pictures is read by `bah_frames`. "
        "Transcripts, which carry most of it, are not used. Sound is read where a .wav of the same name lies "
        "beside the video: export it (ffmpeg -i VIDEO.mp4 VIDEO.wav). Its published split is by person; so is ours."
    ),
    verified="Lists as published in the repository; the folder of the videos as these name it, not checked.",
    read=_recordings,
)
