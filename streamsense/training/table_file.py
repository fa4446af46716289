"""Keeps a table of ticks in a file, so that sessions are read once: plain arrays, nothing that could run."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from streamsense.evaluation.windows import Window
from streamsense.models.fetch import write_whole
from streamsense.streams import MODALITIES
from streamsense.training.joint_table import JointTable, ModalityRows

_COLUMNS = ("presence", "quality", "age_s")


def write_table(path: Path, table: JointTable, key: str) -> None:
    """Write a table; `key` says what it was made from and how. Never half a file, whatever happens meanwhile."""
    arrays: dict[str, npt.NDArray[np.generic]] = {"vad": table.vad, "emotions": table.emotions, "weight": table.weight}
    for modality, part in table.modalities.items():
        arrays |= {f"{modality}/inputs/{name}": values for name, values in part.inputs.items()}
        arrays |= {f"{modality}/{name}": getattr(part, name) for name in _COLUMNS}
    windows = [[w.dataset, w.person, w.recording, w.start_s, w.end_s, w.trial] for w in table.windows]
    arrays |= {"key": np.array(key), "windows": np.array(json.dumps(windows))}
    packed = io.BytesIO()
    np.savez(packed, allow_pickle=False, **arrays)
    write_whole(path, packed.getvalue())


def read_table(path: Path, key: str | None = None) -> JointTable | None:
    """The table in the file; None where it is not there, not whole, or of another key, for then it is made again."""
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as kept:
            if key is not None and str(kept["key"]) != key:
                return None
            windows = tuple(Window(*fields) for fields in json.loads(str(kept["windows"])))
            parts = {}
            for modality in MODALITIES:
                if f"{modality}/presence" in kept:
                    begin = f"{modality}/inputs/"
                    inputs = {name.removeprefix(begin): kept[name] for name in kept.files if name.startswith(begin)}
                    parts[modality] = ModalityRows(inputs, *(kept[f"{modality}/{name}"] for name in _COLUMNS))
            return JointTable(parts, windows, kept["vad"], kept["emotions"], kept["weight"])
    except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile):
        return None
