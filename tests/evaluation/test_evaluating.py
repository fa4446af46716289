"""What is evaluated is what live runs: the expert's outputs on the live pipeline's features of real recordings."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from streamsense.datasets.catalogue import DATASETS
from streamsense.datasets.sittings import sittings
from streamsense.evaluation.chosen_windows import Reading
from streamsense.evaluation.evaluating import Place, evaluate_on
from streamsense.evaluation.model_reports import training_warnings, was_trained_on
from streamsense.evaluation.model_settings import expert_for, open_expert_model, settings_for
from streamsense.evaluation.predicting import label_rule, softmax
from streamsense.evaluation.windows import labelled_windows


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("dataset", "name", "files", "clips", "settle_s"),
    [
        ("eegmat", "eeg_workload", ("Subject05_2.edf",), False, 64.0),
        ("emodb", "voice_emotion", ("wav/08a01Fd.wav", "wav/08a01Na.wav", "wav/08a01Wa.wav"), True, 0.0),
    ],
)
def test_outputs_on_real_recordings_are_those_of_the_expert_on_the_live_features(
    data_folder, tmp_path, dataset, name, files, clips, settle_s
):
    for file in files:
        place = tmp_path / file
        place.parent.mkdir(parents=True, exist_ok=True)
        os.symlink(data_folder / dataset / file, place)
    model, modality = open_expert_model(name)
    found = evaluate_on(Place(DATASETS[dataset], tmp_path), {modality: (name, model)}, None, Reading(), None)
    predictions, reading = found.predictions[name], found.readings[name]
    assert (reading.clips, reading.settle_s) == (clips, settle_s)
    config = settings_for(model, modality)
    expert = expert_for(model, modality, config)
    (sitting,) = sittings(DATASETS[dataset].recordings(Path(tmp_path)), modality)
    windows = list(labelled_windows(sitting, modality, config, label_rule(sitting, config, modality)))
    assert predictions.windows == tuple(it.window for it in windows)
    assert predictions.names == tuple(it.label.name for it in windows)
    assert predictions.present.sum() > 0.6 * len(windows)
    known = expert.emotion_evidence > 0
    for row in np.flatnonzero(predictions.present).tolist():
        output = expert.evaluate(windows[row].feature)
        assert predictions.vad_mean[row].tobytes() == output.vad_mean.tobytes()
        assert predictions.vad_sd[row].tobytes() == np.exp(0.5 * output.vad_log_variance).tobytes()
        assert predictions.probabilities[row].tobytes() == softmax(output.emotion_logits, known).tobytes()


@pytest.mark.parametrize("name", ["eeg_workload", "face_knowledge_blendshapes", "voice_knowledge_silero"])
def test_a_model_gets_the_settings_that_its_contract_names(name):
    model, modality = open_expert_model(name)
    assert expert_for(model, modality, settings_for(model, modality)).modality == modality


def test_a_card_that_names_the_set_is_told_however_it_writes_it():
    workload, knowledge = (open_expert_model(name)[0] for name in ("eeg_workload", "eeg_knowledge"))
    place = Place(DATASETS["eegmat"], Path())
    assert len(training_warnings({"eeg": ("w", workload)}, [place])) == 1
    assert training_warnings({"eeg": ("k", knowledge)}, [place]) == ()
    card = workload.metadata().card.model_copy(update={"data": "Clips of CREMA-D and of RAVDESS."})
    assert was_trained_on(card, "crema-d")
    assert was_trained_on(card, "ravdess")
    assert not was_trained_on(card, "seed")


def test_probabilities_are_over_what_is_known():
    known = np.array([True, True, False, False, False, False, False, False])
    assert softmax(np.array([0.0, 0, 9, 0, 0, 0, 0, 0]), known).tolist() == [0.5, 0.5, 0, 0, 0, 0, 0, 0]
    assert softmax(np.zeros(8), np.zeros(8, bool)).sum() == 0
