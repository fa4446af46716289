"""A recorded live session is evaluated from its journal: the outputs are those that were recorded, to the bit.

In this one the EEG comes back twice, the second time with fewer channels: another stream in the file.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from streamsense.datasets.labelled import LabelledRecording
from streamsense.evaluation.as_live import answers, journal_of, settings_of
from streamsense.evaluation.corruption import FewerElectrodes, Losses, spoilt
from streamsense.evaluation.evaluating import evaluate_on
from streamsense.evaluation.model_reports import report_on
from streamsense.evaluation.model_settings import expert_for, open_expert_model
from streamsense.evaluation.places import place_of
from streamsense.evaluation.report_parts import Reading
from streamsense.score import EXPERT_LABELS, Score
from streamsense.sources.xdf import open_recording
from streamsense.streams import Modality
from tests.helpers import recorded_sessions, sessions
from tests.helpers.recorded_sessions import Made

CONFIG = sessions.config("eeg", "voice")


@pytest.fixture(scope="module")
def made() -> Made:
    events = [event for event in recorded_sessions.eventful(9.0) if recorded_sessions.key_of(event) != "face"]
    return recorded_sessions.make(events, 0.0, CONFIG)


@pytest.fixture(scope="module")
def folder(made: Made, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("as_live")
    recorded_sessions.write(folder / "sub-P01.xdf", made)
    return folder


def labelled(folder: Path, modality: Modality) -> LabelledRecording:
    opens = {modality: partial(open_recording, folder / "sub-P01.xdf")}
    return LabelledRecording("lab", "P01", "1", "sub-P01", 0, (), opens)


@pytest.mark.parametrize(("modality", "name"), [("eeg", "eeg_knowledge"), ("voice", "voice_knowledge")])
def test_every_tick_has_the_outputs_of_the_live_session(made, folder, modality, name):
    recording = labelled(folder, modality)
    config = settings_of(recording, modality, sessions.config("face"))
    assert config == CONFIG, "the settings are the recording's own"
    expert = expert_for(open_expert_model(name)[0], modality, config)
    found = list(answers(recording, expert, config))
    columns = [at for at, label in enumerate(EXPERT_LABELS) if label.startswith(f"{modality}_")]
    assert [answer.tick for answer in found] == [score.tick for score in made.scores]
    for answer, score in zip(found, made.scores, strict=True):
        assert answer.opinion_values.tobytes() == score.experts[columns].tobytes()
        assert answer.is_as_recorded
    assert sum(answer.output is not None for answer in found) > 0


def test_another_model_is_computed_and_compared_with_nothing(folder):
    recording = labelled(folder, "eeg")
    expert = expert_for(open_expert_model("eeg_workload")[0], "eeg", CONFIG)
    found = list(answers(recording, expert, CONFIG))
    assert all(answer.recorded is None for answer in found)
    with pytest.raises(ValueError, match="nothing was recorded"):
        _ = found[0].is_as_recorded


def test_a_spoilt_session_is_not_computed_from_its_journal(folder):
    recording = labelled(folder, "voice")
    assert journal_of(recording, "voice") == folder / "sub-P01.xdf"
    assert journal_of(spoilt(recording, FewerElectrodes(0.5)), "voice") is None
    config = sessions.config("voice")
    expert = expert_for(open_expert_model("voice_knowledge")[0], "voice", config)
    found = {share: list(answers(spoilt(recording, Losses(share)), expert, config)) for share in (0.0, 0.9)}
    present = {share: sum(answer.output is not None for answer in each) for share, each in found.items()}
    assert present[0.0] > present[0.9]


def test_an_output_that_was_not_computed_so_is_told(made, folder, tmp_path):
    """The report counts; `verify` says which."""
    at = [index for index, item in enumerate(made.items) if isinstance(item, Score)][5]
    experts = made.items[at].experts.copy()
    column = EXPERT_LABELS.index("eeg_arousal")
    experts[column] = np.nextafter(experts[column], 2.0)
    forged = [*made.items[:at], replace(made.items[at], experts=experts), *made.items[at + 1 :]]
    recorded_sessions.write(tmp_path / "sub-P01.xdf", replace(made, items=forged))
    models = {"eeg": ("eeg_knowledge", open_expert_model("eeg_knowledge")[0])}
    for place, said in ((folder, "to the bit"), (tmp_path, "BUT THE OTHERS DIFFER")):
        found = evaluate_on(place_of(f"lab:{place}", None), models, None, Reading(), 0.0)
        ticks = len(made.scores)
        assert found.as_recorded == {"eeg_knowledge": (ticks - (place != folder), ticks)}
        report = report_on(models, [found], "person", [[]], "")
        assert said in report.parts[0].warnings[0]
