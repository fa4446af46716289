"""A computer that has none of other people's models, and no way to them."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamsense.models.fetch import CACHE_VARIABLE
from streamsense.models.ways import MODELS_VARIABLE


def hide_all_models(monkeypatch: pytest.MonkeyPatch, empty: Path) -> None:
    """From here on there is an empty cache, no network, and a pip that sees nothing; `empty` is a folder."""
    monkeypatch.setenv(CACHE_VARIABLE, str(empty / "cache"))
    monkeypatch.delenv(MODELS_VARIABLE, raising=False)
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(empty))
