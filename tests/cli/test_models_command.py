"""`streamsense models`: list, pull, pack and inspect, as a user types them."""

import hashlib
import json

import pytest
from typer.testing import CliRunner

from streamsense.cli.models import app
from streamsense.errors import ModelError
from streamsense.models import catalogue
from streamsense.models.fetch import CACHE_VARIABLE
from streamsense.models.published import CatalogueEntry, ModelFile
from streamsense.models.ways import MODELS_VARIABLE
from streamsense.resources import shipped


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.delenv(MODELS_VARIABLE, raising=False)
    file = ModelFile("net.tflite", 3, hashlib.sha256(b"net").hexdigest())
    monkeypatch.setattr(catalogue, "CATALOGUE", {"tiny": CatalogueEntry("tiny", "a net", "Nobody", "CC0-1.0", (file,))})
    (tmp_path / "net.tflite").write_bytes(b"net")
    return tmp_path


def test_list_shows_what_is_here(tiny):
    before = json.loads(run("list", "--json").stdout)
    assert before == [
        {
            "name": "tiny",
            "description": "a net",
            "publisher": "Nobody",
            "licence": "CC0-1.0",
            "size": 3,
            "cached": False,
        }
    ]
    run("pull", "tiny", "--from", tiny / "net.tflite")
    table = run("list").stdout
    assert "tiny" in table
    assert "yes" in table
    assert "CC0-1.0" in table


def test_pull_and_pack_print_where_the_files_are(tiny):
    pulled = run("pull", "tiny", "--from", tiny)
    assert pulled.exit_code == 0
    assert pulled.stdout.strip().endswith("net.tflite")
    packed = run("pack", tiny / "stick")
    assert packed.exit_code == 0
    assert (tiny / "stick" / "tiny" / "net.tflite").read_bytes() == b"net"
    assert (tiny / "stick" / "README.txt").is_file()


def test_errors_are_left_to_the_main_program(tiny):
    with pytest.raises(ModelError, match="no model named 'tinny'"):
        run("pull", "tinny")


def test_inspect_prints_card_and_contract():
    path = shipped("models_onnx/voice_knowledge.onnx")
    facts = json.loads(run("inspect", path, "--json").stdout)
    assert facts["card"]["evidence_dimensions"] == ["arousal"]
    assert facts["inputs"] == {"log_mel_statistics": [64, 4], "prosody": [4]}
    assert facts["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    page = run("inspect", path).stdout
    assert "voice_knowledge" in page
    assert facts["contract_sha256"] in page
    assert facts["sha256"] in page


def test_help_teaches_the_way_to_a_computer_without_internet():
    help_text = run("pack", "--help").stdout
    assert "without internet" in help_text
    assert "STREAMSENSE_MODELS" in help_text


def test_shipped_experts_are_listed_and_inspected_by_name():
    assert "Shipped with streamsense: eeg_knowledge, eeg_workload, face_knowledge" in run("list").stdout
    inspected = json.loads(run("inspect", "eeg_knowledge", "--json").stdout)
    assert inspected["card"]["modality"] == "eeg"
