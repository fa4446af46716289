"""Writes a commit into the card of a model that names none: `python models_onnx/stamp_commit.py NAME [COMMIT]`.

COMMIT is by default the last one in which the model's file changed. The graph and its weights stay as they are.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent))

from streamsense import __version__  # noqa: E402
from streamsense.models.card import CARD_KEY  # noqa: E402
from streamsense.models.contract import canonical_json  # noqa: E402
from streamsense.models.onnx_file import read_model, with_metadata  # noqa: E402
from streamsense.models.session import OnnxModel  # noqa: E402


def stamp(path: Path, commit: str) -> None:
    """Let the card in the model at `path`, and the page beside it, name this commit."""
    metadata = OnnxModel(path, "cpu").metadata()
    card = metadata.card.model_copy(update={"commit": commit})
    entry = {CARD_KEY: canonical_json(card.model_dump(mode="json"))}
    path.write_bytes(with_metadata(read_model(path).content, entry))
    path.with_suffix(".card.md").write_text(card.markdown(metadata.contract), encoding="utf-8")


def last_commit(path: Path) -> str:
    """The last commit in which this file changed."""
    command = ["git", "-C", str(path.parent), "log", "-1", "--abbrev=12", "--format=%h", "--", path.name]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603
    return f"streamsense {__version__}, commit {found}"


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    model = FOLDER / f"{sys.argv[1]}.onnx"
    stamp(model, sys.argv[2] if len(sys.argv) == 3 else last_commit(model))
