"""Silero's net is asked for in so many words: never chosen because it is there, never replaced because it is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamsense.errors import ModelError
from streamsense.models.catalogue import model_files
from streamsense.models.fetch import CACHE_VARIABLE
from streamsense.models.silero import SILERO
from streamsense.models.ways import MODELS_VARIABLE
from streamsense.runtime.assembly import build_feature_pipeline, build_pipeline
from tests.helpers import sessions

BY_NET = {"voice_activity": "silero"}


@pytest.fixture
def net_file() -> Path:
    (path,) = model_files(SILERO).values()
    return path


@pytest.fixture
def without_any_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty cache, no network, a pip that sees nothing."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.delenv(MODELS_VARIABLE, raising=False)
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))


@pytest.mark.usefixtures("without_any_model")
def test_a_net_that_is_not_here_is_an_error_that_says_how_to_bring_it() -> None:
    for build in (build_pipeline, build_feature_pipeline):
        with pytest.raises(ModelError, match=f"streamsense models pull {SILERO} --from FOLDER"):
            build(sessions.config(voice=BY_NET))


@pytest.mark.usefixtures("without_any_model")
def test_by_default_nothing_is_needed() -> None:
    description = build_pipeline(sessions.config("voice"))[1]
    assert description["voice_model"].startswith("voice_knowledge ")
    assert "voice_activity_model" not in description


def test_a_net_that_is_here_changes_nothing_until_it_is_asked_for(
    net_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(MODELS_VARIABLE, str(net_file.parent))
    assert "voice_activity_model" not in build_pipeline(sessions.config("voice"))[1]
    description = build_pipeline(sessions.config(voice=BY_NET))[1]
    assert description["voice_activity_model"].startswith(f"{SILERO} ")
    assert description["voice_model"].startswith("voice_knowledge_silero ")


@pytest.mark.parametrize(
    ("voice", "said"),
    [
        ({"mels": 80}, "front_end.log_mel.mels: model 64, pipeline 80"),
        ({"mels": 80, **BY_NET}, "front_end.log_mel.mels: model 64, pipeline 80"),
        ({"model": "voice_knowledge", **BY_NET}, 'voice_activity.method: model "energy gate", pipeline "silero"'),
        ({"model": "voice_knowledge_silero"}, 'voice_activity.method: model "silero", pipeline "energy gate"'),
    ],
)
def test_a_model_for_other_features_is_refused_by_name(voice: dict[str, object], said: str) -> None:
    with pytest.raises(ModelError, match="was made for other features") as refused:
        build_pipeline(sessions.config(voice=voice))
    assert said in str(refused.value)
    assert len(str(refused.value)) < 1600
