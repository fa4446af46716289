"""Where the files that ship with streamsense are: models, configurations and pipelines."""

from __future__ import annotations

from pathlib import Path

from streamsense.errors import StreamsenseError

_PACKAGE = Path(__file__).resolve().parent


def shipped(relative: str) -> Path:
    """Path of a shipped file or folder, such as `models_onnx/eeg_knowledge.onnx`.

    An installed wheel keeps them in `streamsense/_shipped`, a checkout beside the package.
    Raises StreamsenseError when it is in neither place.
    """
    places = (_PACKAGE / "_shipped" / relative, _PACKAGE.parent / relative)
    for place in places:
        if place.exists():
            return place
    raise StreamsenseError(
        f"{relative} does not belong to this installation; looked for {' and '.join(map(str, places))}. "
        "Install streamsense again, or build the models in a checkout with `python models_onnx/build.py`."
    )
