"""streamsense: continuous emotion and ambivalence scores from EEG, face and voice, every 200 ms."""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"

__all__ = ["__version__", "features_of_raw"]

if TYPE_CHECKING:
    from streamsense.runtime.raw_features import features_of_raw


def __getattr__(name: str) -> object:
    # Imported when it is asked for: it brings the models' runtime.
    if name == "features_of_raw":
        from streamsense.runtime.raw_features import features_of_raw

        return features_of_raw
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
