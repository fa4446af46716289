"""Silero's net is asked for in so many words: never chosen because it is there, never replaced because it is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamsense.errors import ModelError
from streamsense.models.catalogue import model_files
from streamsense.models.silero import SILERO
from streamsense.models.ways import MODELS_VARIABLE
from streamsense.runtime.assembly import build_feature_pipeline, build_pipeline, build_replay_pipeline
from tests.helpers import sessions
from tests.helpers.no_models import hide_all_models

BY_NET = {"voice_activity": "silero"}


@pytest.fixture
def net_file() -> Path:
    (path,) = model_files(SILERO).values()
    return path


@pytest.fixture
def without_any_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hide_all_models(monkeypatch, tmp_path)


@pytest.mark.usefixtures("without_any_model")
def test_a_net_that_is_not_here_is_an_error_that_says_how_to_bring_it() -> None:
    """Before anything is live; of a recording with its first sound."""
    config = sessions.config(voice=BY_NET)
    with pytest.raises(ModelError, match=f"streamsense models pull {SILERO} --from FOLDER"):
        build_pipeline(config)
    track = sessions.voice(1.0)
    for pipeline in (build_replay_pipeline(config)[0], build_feature_pipeline(config)):
        pipeline.push(sessions.opened(track))
        with pytest.raises(ModelError, match=f"streamsense models pull {SILERO} --from FOLDER"):
            pipeline.push(track.block(0, len(track.stamps), sessions.START + 1.0))


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
