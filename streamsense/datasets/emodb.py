"""EmoDB: German sentences spoken by actors, and how many of 20 listeners heard the emotion that was acted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from streamsense.datasets.clips import clip_recording, heard_part
from streamsense.datasets.files import found_files, number
from streamsense.datasets.labelled import Dataset, LabelledRecording
from streamsense.datasets.labels import NOT_STATED, Label
from streamsense.errors import DatasetError

_NAME = re.compile(r"(\d\d)([a-z]\d\d)([WLEAFTN])([a-z])\.wav")
_CLASSES = {
    "W": ("anger", "angry"),
    "L": ("boredom", "bored"),
    "E": ("disgust", "disgusted"),
    "A": ("fear", "fearful"),
    "F": ("happiness", "happy"),
    "T": ("sadness", "sad"),
    "N": ("neutral", "neutral"),
}
_LISTENERS = 20
_ROW = re.compile(r"^\s*\d+\s+(\w+)\.wav\s+(\d+(?:,\d+)?)\s+(\d+(?:,\d+)?)\s*$")
_MOST_BYTES = 1 << 20


def _recordings(folder: Path) -> Iterator[LabelledRecording]:
    wavs = folder / "wav" if (folder / "wav").is_dir() else folder
    files = found_files(wavs, "*.wav", "EmoDB", "wav/03a01Fa.wav and so on, and erkennung.txt beside")
    listed = next((it for it in (folder / "erkennung.txt", wavs / "erkennung.txt") if it.is_file()), None)
    return _clips(files, {} if listed is None else recognised_shares(listed))


def _clips(files: list[Path], recognised: Mapping[str, float]) -> Iterator[LabelledRecording]:
    clips_of: Counter[str] = Counter()
    for path in files:
        named = _NAME.fullmatch(path.name)
        if named is None:
            raise DatasetError(
                f"{path} is called otherwise than EmoDB's files. Expected speaker, sentence, emotion and version, as "
                "in 03a01Fa.wav. Rename it, or take it out of the folder."
            )
        speaker, _, letter, _ = named.groups()
        name, emotion = _CLASSES[letter]
        votes = {}
        if path.stem in recognised:
            heard = recognised[path.stem] * _LISTENERS
            votes = {emotion: heard, NOT_STATED: _LISTENERS - heard}
        heard_s = heard_part(path)
        label = Label(0.0, heard_s, name=name, emotion=emotion, votes=votes)
        yield clip_recording(path, "emodb", speaker, clips_of[speaker], label, heard_s=heard_s)
        clips_of[speaker] += 1


def recognised_shares(path: Path) -> dict[str, float]:
    """By file name, the share of listeners in [0, 1] that heard the acted emotion, from `erkennung.txt`.

    Raises DatasetError where the list cannot be read.
    """
    try:
        text = path.read_bytes()[:_MOST_BYTES].decode("cp1252", errors="replace")
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error}. Get the file anew.") from error
    shares = {}
    # Columns are parted by tabs, and padded with spaces that do not break; numbers have a decimal comma.
    for line in text.replace("\xa0", " ").splitlines():
        if row := _ROW.match(line):
            percent = number(row[2].replace(",", "."), path, "a share of listeners")
            if percent > 100:
                raise DatasetError(f"{path} has {percent:g} % of listeners for {row[1]}.wav. Get the file anew.")
            shares[row[1]] = percent / 100
    if not shares:
        raise DatasetError(
            f"{path} has no line that can be read. Expected number, file, percentage recognised and percentage "
            "natural, as published. Get the file anew, or take it away."
        )
    return shares


EMODB = Dataset(
    name="emodb",
    citation="Burkhardt et al. (2005), A database of German emotional speech, Interspeech, 1517-1520.",
    licence="CC0-1.0 as published by audEERING",
    missing=(
        "No ratings of valence or arousal. Of the listeners only the share that heard the acted emotion is published, "
        "not what the others heard. The order in which the clips were spoken is not known: `order` counts file names. "
        "A version of it has every clip cut or padded to 2 s, unevenly over the emotions (fear most, sadness least); "
        "the zeros at the end are found and not read."
    ),
    verified="Checked on published files.",
    read=_recordings,
)
