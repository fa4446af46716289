"""The whole way of the voice expert in short: windows, speakers left out, an export that the runtime takes, twice."""

import subprocess
import sys

import numpy as np
import pytest

from streamsense.config import Config, VoiceSection
from streamsense.errors import EvaluationError
from streamsense.features.voice_features import VoiceFeatures
from streamsense.fusion.emotions import EMOTIONS
from streamsense.models.expert import Expert
from streamsense.models.session import OnnxModel
from streamsense.resources import shipped
from streamsense.runtime.assembly import build_pipeline
from streamsense.streams import Feature
from streamsense.training.export import difference
from streamsense.training.voice_clips import LABELS
from streamsense.training.voice_emotion import main
from streamsense.training.voice_evaluation import EXPERT, with_dealt_labels
from streamsense.training.voice_expert import INPUTS, SHARED
from streamsense.training.voice_study import Plan, examples, train, write

SHORT = Plan(seeds=(0,), takes=1, epochs=2, resamples=20)
real_data = pytest.mark.real_data


@pytest.fixture(scope="module")
def trained(acted_clips):
    return train(acted_clips, SHORT)


@real_data
def test_trained_in_short_it_is_an_expert_that_the_runtime_takes(trained, acted_table, tmp_path):
    path = write(*trained, examples(acted_table), tmp_path, "2026-01-02", "a test")
    expert = Expert(OnnxModel(path, provider="cpu"), "voice", VoiceFeatures().contract())
    assert expert.vad_evidence.tolist() == [1, 1, 1]
    evidence = {name for name, there in zip(EMOTIONS, expert.emotion_evidence, strict=True) if there}
    assert evidence == {"neutral", "happy", "sad", "fearful", "disgusted", "angry"}
    assert set(expert.model.inputs) == set(INPUTS)
    assert path.stat().st_size < 5_000_000
    assert difference(trained[0], path, examples(acted_table, 50)) <= 1e-5
    silence = {name: np.zeros(shape, np.float32) for name, shape in expert.model.inputs.items()}
    said = expert.evaluate(Feature("voice", silence, 1.0, 0.0, 0.0, 0.0))
    assert not said.vad_mean.any()
    assert not said.emotion_logits.any()
    evaluation = trained[1]
    assert evaluation.networks[EXPERT].uar.figure > evaluation.dealt_answers[1]
    assert evaluation.networks[EXPERT].arousal.figure > 0.5
    assert evaluation.dealt_labels < evaluation.networks[EXPERT].uar.figure
    assert "UAR of seven" in expert.metadata.card.evaluation


@real_data
def test_the_same_clips_give_the_same_file(trained, acted_clips, acted_table, tmp_path):
    first = write(*trained, examples(acted_table), tmp_path / "a", "2026-01-02", "a test")
    second = write(*train(acted_clips, SHORT), examples(acted_table), tmp_path / "b", "2026-01-02", "a test")
    assert first.read_bytes() == second.read_bytes()
    assert first.with_suffix(".card.md").read_bytes() == second.with_suffix(".card.md").read_bytes()


@real_data
def test_a_speaker_s_dealt_labels_are_the_same_labels_in_another_order(acted_table):
    dealt = with_dealt_labels(acted_table, 0)
    assert (dealt.label != acted_table.label).mean() > 0.5
    for speaker in set(acted_table.speaker):
        mine = acted_table.speaker == speaker
        assert sorted(dealt.label[mine]) == sorted(acted_table.label[mine])


@real_data
def test_too_few_speakers_are_refused(acted_clips):
    with pytest.raises(EvaluationError, match="3 speakers, expected 4"):
        train([clip for clip in acted_clips if clip.speaker != "16"], SHORT)


def test_the_command_says_what_is_wrong_with_a_folder(tmp_path, capsys):
    assert main([str(tmp_path)]) == 2
    said = " ".join(capsys.readouterr().out.split())
    assert said.startswith("Error:")
    assert "EmoDB" in said


def test_the_command_without_torch_ends_with_one_sentence(tmp_path):
    code = "import sys; sys.modules['torch'] = None; from streamsense.training.voice_emotion import main; "
    ended = subprocess.run(
        [sys.executable, "-c", f"{code}sys.exit(main([{str(tmp_path)!r}]))"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert ended.stderr == ""
    assert "streamsense[train]" in " ".join(ended.stdout.split())
    assert "Traceback" not in ended.stdout


@real_data
def test_the_shipped_expert_hears_the_acted_emotions_of_its_corpus(acted_clips, acted_table):
    expert = Expert(
        OnnxModel(shipped("models_onnx/voice_emotion.onnx"), provider="cpu"), "voice", VoiceFeatures().contract()
    )
    table = acted_table
    rows = np.flatnonzero(table.last & (table.label[table.clip] < SHARED))
    frames, right = table.log_mel(rows), []
    for number, row in enumerate(rows):
        window = {name: values[row] for name, values in table.inputs.items()}
        window |= {name: values[number] for name, values in frames.items()}
        said = expert.evaluate(Feature("voice", window, 1.0, 1.0, 0.0, 0.0))
        heard = EMOTIONS[int(np.where(expert.emotion_evidence > 0, said.emotion_logits, -99).argmax())]
        right.append(heard == LABELS[table.label[table.clip[row]]])
    assert np.mean(right) > 0.85, "it was trained on these: the cards say how well it hears others"


def test_a_session_can_ask_for_the_shipped_expert():
    config = Config(voice=VoiceSection(model="voice_emotion"), provider="cpu")
    _, description = build_pipeline(config)
    assert description["voice_model"].startswith("voice_emotion ")
