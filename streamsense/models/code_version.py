"""Which version of the code makes a model: the package's, and the commit of the checkout."""

from __future__ import annotations

import subprocess
from pathlib import Path

from streamsense import __version__

_CHECKOUT = Path(__file__).resolve().parents[2]


def code_version() -> str:
    """Such as `streamsense 0.1.0, commit 3f2c1a9b04de`, `with changes` where tracked files differ from it.

    Without the commit where the package is not in a checkout of its own, or there is no git.
    """
    # An installed package may lie within somebody else's repository.
    if _git("rev-parse", "--show-toplevel") != str(_CHECKOUT):
        return f"streamsense {__version__}"
    changed = " with changes" if _git("status", "--porcelain", "--untracked-files=no") else ""
    return f"streamsense {__version__}, commit {_git('rev-parse', '--short=12', 'HEAD')}{changed}"


def _git(*arguments: str) -> str:
    """What git says of the checkout, "" where it says nothing or is not there."""
    command = ["git", "-C", str(_CHECKOUT), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout.strip()  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return ""
