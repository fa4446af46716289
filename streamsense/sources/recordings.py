"""Opens any recording: tells the format from the first bytes and the name."""

from __future__ import annotations

import difflib
from pathlib import Path

from streamsense.errors import RecordingError
from streamsense.sources.eeg_file import EEG_FILE_ENDINGS, open_eeg_file
from streamsense.sources.recorded import Recording, unreadable
from streamsense.sources.sound_file import open_sound_file
from streamsense.sources.xdf import open_recording
from streamsense.sources.xdf_chunks import MAGIC

_XDF_ENDINGS = (".xdf", ".xdfz", ".xdf.gz")
_FILM_ENDINGS = (".mp4", ".avi", ".mkv", ".mov", ".mpg", ".mpeg", ".webm", ".m4v", ".wmv")
_EXPECTED = (
    f"XDF ({', '.join(_XDF_ENDINGS)}), EEG ({', '.join(EEG_FILE_ENDINGS)}), sound (.wav) or film (.mp4, .avi, .mkv, …)"
)


def open_any(path: Path | str) -> Recording:
    """Open a recording of any known format. Raises RecordingError, with near names for a file that is not there."""
    path = Path(path)
    if path.is_dir():
        raise RecordingError(f"{path} is a folder. Expected one recording: {_EXPECTED}. Give the path of a file in it.")
    if not path.exists():
        raise RecordingError(f"There is no file {path}. {_near_names(path)}")
    try:
        with path.open("rb") as file:
            first = file.read(12)
    except OSError as error:
        raise unreadable(path, error) from error
    name = path.name.lower()
    if first.startswith(MAGIC) or name.endswith(_XDF_ENDINGS):
        return open_recording(path)
    if name.endswith(_FILM_ENDINGS) or (first[:4] == b"RIFF" and first[8:] == b"AVI "):
        # It brings OpenCV, which other recordings do without.
        from streamsense.sources.video_file import open_video_file

        return open_video_file(path)
    if first[:4] == b"RIFF" or name.endswith(".wav"):
        return open_sound_file(path)
    if name.endswith(EEG_FILE_ENDINGS):
        return open_eeg_file(path)
    if first.startswith(b"\x1f\x8b"):
        raise RecordingError(f"{path} is compressed with gzip. Unpack it first (`gunzip`, 7-Zip) and give the result.")
    if name.endswith((".eeg", ".vmrk")):
        raise RecordingError(f"{path} is one part of a BrainVision recording. Give its header, {path.stem}.vhdr.")
    raise RecordingError(f"{path} is no recording that can be read: it begins with {first!r}. Expected {_EXPECTED}.")


def _near_names(path: Path) -> str:
    try:
        names = sorted(entry.name for entry in path.parent.iterdir())
    except OSError:
        return f"Nor can its folder, {path.parent}, be read. Check the path."
    near = difflib.get_close_matches(path.name, names, n=3, cutoff=0.5)
    return f"Did you mean {' or '.join(near)}?" if near else f"Check the path ({len(names)} files are in its folder)."
