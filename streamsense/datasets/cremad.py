"""CREMA-D: twelve sentences by 91 actors, each voted on by people who heard it, saw it, or both."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from streamsense.datasets.clips import duration_of, open_clip, open_film
from streamsense.datasets.files import found_files, table_rows
from streamsense.datasets.labelled import Dataset, LabelledRecording
from streamsense.datasets.labels import Label
from streamsense.errors import DatasetError
from streamsense.sources.recorded import Recording
from streamsense.streams import Modality

_NAME = re.compile(r"(\d{4})_([A-Z]{3})_(ANG|DIS|FEA|HAP|NEU|SAD)_(LO|MD|HI|XX|X)\.wav")
_CLASSES = {
    "ANG": ("anger", "angry"),
    "DIS": ("disgust", "disgusted"),
    "FEA": ("fear", "fearful"),
    "HAP": ("happy", "happy"),
    "NEU": ("neutral", "neutral"),
    "SAD": ("sad", "sad"),
}
_VOTES = {"A": "angry", "D": "disgusted", "F": "fearful", "H": "happy", "N": "neutral", "S": "sad"}
_JUDGED_FROM: dict[str, tuple[Modality, ...]] = {"1": ("voice",), "2": ("face",), "3": ("face", "voice")}
_RESPONSES = "finishedResponses.csv"

Votes = Mapping[str, Mapping[tuple[Modality, ...], Mapping[str, float]]]


def _recordings(folder: Path) -> Iterator[LabelledRecording]:
    sounds = folder / "AudioWAV"
    files = found_files(
        sounds if sounds.is_dir() else folder, "*.wav", "CREMA-D", f"AudioWAV/1001_DFA_ANG_XX.wav and {_RESPONSES}"
    )
    listed = folder / _RESPONSES
    if not listed.is_file():
        raise DatasetError(
            f"{folder} has no {_RESPONSES}. Expected CREMA-D's repository: without this table there are no votes, and "
            "what was acted is not what was heard. Take the file from it."
        )
    return _clips(folder, files, every_vote(listed))


def every_vote(path: Path) -> Votes:
    """By clip, then by what the raters were given: how many voted for which emotion."""
    found: dict[str, dict[tuple[Modality, ...], Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for row in table_rows(path, ("clipName", "queryType", "respEmo")):
        given, vote = _JUDGED_FROM.get(row["queryType"].strip()), _VOTES.get(row["respEmo"].strip()[:1])
        if given is None or vote is None:
            raise DatasetError(
                f"{path} has a response {row['respEmo']!r} to a stimulus {row['queryType']!r} of {row['clipName']}; "
                f"expected one of {', '.join(_VOTES)} to 1, 2 or 3. Take the file as it was published."
            )
        found[row["clipName"].strip().split(".")[0]][given][vote] += 1
    return found


def _clips(folder: Path, files: list[Path], votes: Votes) -> Iterator[LabelledRecording]:
    clips_of: Counter[str] = Counter()
    for path in files:
        named = _NAME.fullmatch(path.name)
        if named is None:
            raise DatasetError(
                f"{path} is called otherwise than CREMA-D's files. Expected actor, sentence, emotion and level, as in "
                "1001_DFA_ANG_XX.wav. Rename it, or take it out of the folder."
            )
        actor, _, code, _ = named.groups()
        name, emotion = _CLASSES[code]
        duration_s = duration_of(path)
        labels = [
            Label(0.0, duration_s, name=name, emotion=emotion, votes=dict(counts), judged_from=given)
            for given, counts in sorted(votes.get(path.stem, {}).items())
        ]
        opens: dict[Modality, Callable[[], Recording]] = {"voice": partial(open_clip, path)}
        film = folder / "VideoFlash" / f"{path.stem}.flv"
        if film.is_file():
            opens["face"] = partial(open_film, film)
        labels = labels or [Label(0.0, duration_s, name=name, emotion=emotion)]
        yield LabelledRecording("crema-d", actor, "1", path.stem, clips_of[actor], tuple(labels), opens)
        clips_of[actor] += 1


CREMA_D = Dataset(
    name="crema-d",
    citation=(
        "Cao et al. (2014), CREMA-D: Crowd-sourced Emotional Multimodal Actors Dataset, IEEE Trans. Affective "
        "Computing 5(4), 377-390; github.com/CheyneyComputerScience/CREMA-D."
    ),
    licence="Open Database License 1.0 (contents: Database Contents License 1.0)",
    missing=(
        "No ratings of valence or arousal. Votes differ with what the raters were given: take those of the modality "
        "that is trained (`judged_from`). The levels that raters gave beside are not read. `order` counts file names. "
        "One clip (1076_MTI_SAD_XX) is known to be silent."
    ),
    verified="Layout as its publishers describe it in the repository; not checked on the files.",
    read=_recordings,
)
