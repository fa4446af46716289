"""The first line of a recording's journal: what it was made with, so that it can be computed again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streamsense import __version__
from streamsense.config import Config
from streamsense.runtime.fingerprint import fingerprint


def recording_head(config: Config, description: Mapping[str, str], profile: str | None) -> dict[str, Any]:
    """Version, settings, models with their hashes, profile, and the fingerprint of this computer.

    `description` is what `build_pipeline` says; `profile` the text of the person's profile, if one is used.
    """
    return {
        "streamsense": __version__,
        "config": config.model_dump(mode="json"),
        "models": dict(description),
        "profile": profile,
        "fingerprint": fingerprint(config, description),
    }
