"""DREAMER: EEG of 23 people, recorded with a cheap headset, who watched 18 film scenes and rated each."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from streamsense.arrays import FloatArray
from streamsense.datasets.arrays import PAUSE_S, eeg_recording
from streamsense.datasets.files import found_files
from streamsense.datasets.labelled import Dataset, LabelledRecording
from streamsense.datasets.labels import Label, rated
from streamsense.datasets.matlab import numbers, read_mat
from streamsense.datasets.parts import RecordingInParts
from streamsense.errors import DatasetError

_ELECTRODES = ("AF3", "F7", "F3", "FC5", "T7", "P7", "O1", "O2", "P8", "T8", "FC6", "F4", "F8", "AF4")
_RATE_HZ = 128.0
_VARIABLE = "DREAMER"


def _recordings(folder: Path) -> Iterator[LabelledRecording]:
    (path, *_) = found_files(folder, "DREAMER.mat", "DREAMER", "DREAMER.mat")
    return _films(path)


def _films(path: Path) -> Iterator[LabelledRecording]:
    for number, person in enumerate(_people(path)):
        scores = [_ratings(path, person, name) for name in ("ScoreValence", "ScoreArousal", "ScoreDominance")]
        for film, given in enumerate(zip(*scores, strict=True)):
            rest, watched = (len(piece) / _RATE_HZ for piece in _pieces(path, person, film))
            start_s = rest + PAUSE_S
            seen = rated(start_s, start_s + watched, f"film {film + 1:02d}", given, 1, 5)
            yield LabelledRecording(
                dataset="dreamer",
                person=f"{number + 1:02d}",
                session="1",
                name=f"{number + 1:02d} film {film + 1:02d}",
                order=film,
                labels=(Label(0.0, rest, name="baseline"), seen),
                opens={"eeg": partial(_open_film, path, number, film)},
            )


def _open_film(path: Path, number: int, film: int) -> RecordingInParts:
    pieces = _pieces(path, _people(path)[number], film)
    return eeg_recording(path, f"{number + 1:02d} film {film + 1:02d}", pieces, _RATE_HZ, _ELECTRODES)


def _people(path: Path) -> list[Any]:
    whole = read_mat(path, _VARIABLE)
    try:
        data = whole["Data"][0, 0]
        return [data[0, at][0, 0] for at in range(data.size)]
    except (IndexError, KeyError, ValueError, TypeError) as error:
        raise _other_layout(path, "Data") from error


def _ratings(path: Path, person: Any, name: str) -> list[float]:
    return numbers(_field(path, person, name), path, name, 2).ravel().tolist()


def _pieces(path: Path, person: Any, film: int) -> list[FloatArray]:
    """The film that was watched before as a baseline, and the scene itself, each (samples, 14)."""
    eeg = _field(path, person, "EEG")
    try:
        found = [eeg[name][0, 0][film, 0] for name in ("baseline", "stimuli")]
    except (IndexError, KeyError, ValueError, TypeError) as error:
        raise _other_layout(path, f"EEG of film {film + 1}") from error
    return [numbers(piece, path, "EEG", 2) for piece in found]


def _field(path: Path, record: Any, name: str) -> Any:
    try:
        return record[name]
    except (IndexError, KeyError, ValueError, TypeError) as error:
        raise _other_layout(path, name) from error


def _other_layout(path: Path, what: str) -> DatasetError:
    return DatasetError(
        f"{path} has no {what} where DREAMER has it. Expected the struct DREAMER with Data, in it for each person EEG "
        "(baseline and stimuli of each film), ScoreValence, ScoreArousal and ScoreDominance. Take the file as "
        "published."
    )


DREAMER = Dataset(
    name="dreamer",
    citation=(
        "Katsigiannis & Ramzan (2018), DREAMER: A database for emotion recognition through EEG and ECG signals from "
        "wireless low-cost off-the-shelf devices, IEEE J. Biomed. Health Inform. 22(1), 98-107; "
        "zenodo.org/record/546113."
    ),
    licence="on request, academic use; no redistribution",
    missing=(
        "Each film is preceded by 61 s of a neutral film as its baseline; how long after it the film began is not "
        f"published, so {PAUSE_S:g} s are put between. The file is read whole: it takes some GB of memory. ECG is not "
        "read."
    ),
    verified="Layout as read by several other programs; units taken as microvolts, which was not verified.",
    read=_recordings,
)
