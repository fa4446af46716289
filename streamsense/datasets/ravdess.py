"""RAVDESS: two sentences, spoken and sung by 24 actors in eight emotions and two intensities."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from streamsense.datasets.clips import duration_of, film_duration, open_clip, open_film
from streamsense.datasets.files import found_files
from streamsense.datasets.labelled import Dataset, LabelledRecording
from streamsense.datasets.labels import Label
from streamsense.errors import DatasetError
from streamsense.sources.recorded import Recording
from streamsense.streams import Modality

_NAME = re.compile(r"(0[1-3])-(0[12])-(0[1-8])-(0[12])-(0[12])-(0[12])-(\d\d)\.(?:wav|mp4)")
_CLASSES = {
    "01": ("neutral", "neutral"),
    "02": ("calm", "calm"),
    "03": ("happy", "happy"),
    "04": ("sad", "sad"),
    "05": ("angry", "angry"),
    "06": ("fearful", "fearful"),
    "07": ("disgust", "disgusted"),
    "08": ("surprised", "surprised"),
}
_CHANNELS = {"01": "speech", "02": "song"}


def _recordings(folder: Path) -> Iterator[LabelledRecording]:
    files = found_files(folder, "**/??-??-??-??-??-??-??.*", "RAVDESS", "Actor_01/03-01-06-01-02-01-12.wav and so on")
    return _clips(files)


def _clips(files: list[Path]) -> Iterator[LabelledRecording]:
    clips_of: Counter[str] = Counter()
    for path in files:
        named = _NAME.fullmatch(path.name)
        if named is None:
            raise DatasetError(
                f"{path} is called otherwise than RAVDESS's files. Expected seven numbers, as in "
                "03-01-06-01-02-01-12.wav (modality, channel, emotion, intensity, statement, repetition, actor). Take "
                "it out of the folder."
            )
        _, channel, code, _, _, _, actor = named.groups()
        name, emotion = _CLASSES[code]
        opens: dict[Modality, Callable[[], Recording]]
        if path.suffix == ".wav":
            opens, duration_s = {"voice": partial(open_clip, path)}, duration_of(path)
        else:
            opens, duration_s = {"face": partial(open_film, path)}, film_duration(path)
        label = Label(0.0, duration_s, name=name, emotion=emotion)
        yield LabelledRecording(
            "ravdess", f"Actor_{actor}", _CHANNELS[channel], path.stem, clips_of[actor], (label,), opens
        )
        clips_of[actor] += 1


RAVDESS = Dataset(
    name="ravdess",
    citation=(
        "Livingstone & Russo (2018), The Ryerson Audio-Visual Database of Emotional Speech and Song, PLoS ONE 13(5), "
        "e0196391; zenodo.org/records/1188976."
    ),
    licence="CC BY-NC-SA 4.0: not for commercial use",
    missing=(
        "The label is what was acted. Its listeners' ratings are published apart, by kind of stimulus and not in the "
        "layout of the clips, and are not read. `order` counts file names. Sound and pictures of one take are two "
        "files with other first numbers, and come as two recordings."
    ),
    verified="Layout as its publishers describe the file names; not checked on the files.",
    read=_recordings,
)
