"""What is evaluated is what live runs: the expert's outputs on the live pipeline's features of real recordings."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from streamsense.datasets.catalogue import DATASETS
from streamsense.datasets.sittings import sittings
from streamsense.evaluation.chosen_windows import Reading
from streamsense.evaluation.evaluating import Evaluated, Place, evaluate_on
from streamsense.evaluation.model_settings import expert_for, open_expert_model, settings_for
from streamsense.evaluation.predicting import Labelled, Said, label_rule, softmax, tabled
from streamsense.evaluation.training_warnings import training_facts, training_warnings, was_trained_on
from streamsense.evaluation.windows import Window, labelled_windows
from streamsense.models.card import ModelMetadata
from streamsense.models.card_people import listed


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


def evaluated_of(dataset: str, *people: str) -> Evaluated:
    """A set of which nothing matters but its name and whom it is of."""
    windows = [Window(dataset, person, "one", 0.0, 4.0) for person in people]
    nothing = Said(np.zeros(3), np.ones(3), np.zeros(8), False)
    table = tabled("expert", ((), ()), [(Labelled(window, None, 4.0), nothing) for window in windows])
    place = Place(replace(DATASETS["eegmat"], name=dataset), Path())
    return Evaluated(place, {"expert": table}, {}, {}, {})


def test_a_card_that_names_the_set_is_told_however_it_writes_it():
    workload, knowledge = (open_expert_model(name)[0] for name in ("eeg_workload", "eeg_knowledge"))
    (warning,) = training_warnings({"eeg": ("w", workload)}, [evaluated_of("eegmat", "01")])
    assert warning.startswith("w WAS TRAINED ON EEGMAT: these figures are no evidence")
    assert training_warnings({"eeg": ("k", knowledge)}, [evaluated_of("eegmat", "01")]) == ()
    card = workload.metadata().card.model_copy(update={"data": "Clips of CREMA-D and of RAVDESS."})
    assert was_trained_on(card, "crema-d")
    assert was_trained_on(card, "ravdess")
    assert not was_trained_on(card, "seed")


class Carded:
    """A model of which only the card matters."""

    def __init__(self, data: str) -> None:
        whole = open_expert_model("eeg_knowledge")[0].metadata()
        self._metadata = replace(whole, card=whole.card.model_copy(update={"data": data}))

    def metadata(self) -> ModelMetadata:
        return self._metadata


@pytest.mark.parametrize("called", ["lab", "lab_of_spring"])
def test_people_whom_a_card_lists_are_counted_and_named(called):
    people = [(called, f"P{number:02d}") for number in range(30)]
    models = {"eeg": ("own", Carded(f"{called}: Your own recordings. 30 people, 9 windows. {listed(people)}"))}
    (warning,) = training_warnings(models, [evaluated_of("lab", "P03", "P40", "P07", "P03")])
    assert warning.startswith("own WAS TRAINED ON 2 OF THESE 3 PEOPLE OF LAB (P03, P07), who are not left out: ")
    strangers = evaluated_of("lab", "P40", "P41")
    assert training_warnings(models, [strangers]) == ()
    ((_, fact),) = training_facts(models, [strangers])
    assert fact.startswith("its card lists 30 people, 0 of these 2 among them")


def test_a_card_that_lists_nobody_or_not_all_says_no_more_than_the_set():
    strangers = evaluated_of("lab", "X")
    many = Carded(f"lab: Your own recordings. {listed([('lab', str(number)) for number in range(501)])}")
    for data in (many.metadata().card.data, "lab: Your own recordings. 3 people, 9 windows."):
        models = {"eeg": ("own", Carded(data))}
        (warning,) = training_warnings(models, [strangers])
        assert warning.startswith("own WAS TRAINED ON LAB: ")
        assert training_facts(models, [strangers]) == []


def test_probabilities_are_over_what_is_known():
    known = np.array([True, True, False, False, False, False, False, False])
    assert softmax(np.array([0.0, 0, 9, 0, 0, 0, 0, 0]), known).tolist() == [0.5, 0.5, 0, 0, 0, 0, 0, 0]
    assert softmax(np.zeros(8), np.zeros(8, bool)).sum() == 0
