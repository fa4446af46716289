"""A user's own network from the command line: attached, inspected and scored with; what is wrong with one is named."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import onnx
import pytest

from streamsense.features.band_entropy import BandEntropy
from tests.helpers.brain_noise import brain_noise
from tests.helpers.command_line import Done, run_together, write_config
from tests.helpers.foreign_models import CARD, by_hand, by_torch, write_card
from tests.helpers.xdf_writer import XdfWriter

Commands = dict[str, list[object]]


def recording(folder: Path) -> Path:
    random, rate, names = np.random.default_rng(0), 128, ("Fp1", "Fp2", "F3", "F4")
    writer = XdfWriter()
    writer.header(1, "float32", len(names), float(rate), "Amp", "EEG", names)
    times = 100 + np.arange(8 * rate) / rate
    writer.stamped(1, times, brain_noise(random, 10, (len(times), len(names)), rate).astype("f4"))
    writer.footer(1, len(times))
    (folder / "session.xdf").write_bytes(writer.data)
    return folder / "session.xdf"


def beside(path: Path, content: object) -> Path:
    """A plain model with this file beside it."""
    path.write_bytes(by_hand().SerializeToString())
    path.with_suffix(".card.json").write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def replayed(folder: Path, model: Path) -> list[object]:
    config = write_config(folder, f"{model.stem}_config", {"eeg": {"model": str(model)}})
    return ["replay", folder / "session.xdf", "--config", config, "-o", folder / f"{model.stem}_scores"]


def working(folder: Path) -> Commands:
    plain, static = by_torch(folder / "network.onnx", 20), by_torch(folder / "static.onnx", 13, dynamic=False)
    old, card = folder / "old.onnx", write_card(folder / "card.json")
    old.write_bytes(by_hand(7, 3).SerializeToString())
    commands: Commands = {}
    for source in (plain, static, old):
        expert = folder / f"{source.stem}_expert.onnx"
        commands[f"attach {source.stem}"] = ["models", "attach", source, "--card", card, "-o", expert]
        commands[f"replay {source.stem}"] = replayed(folder, expert)
    commands["inspect"] = ["models", "inspect", folder / "network_expert.onnx"]
    commands["inspect json"] = [*commands["inspect"], "--json"]
    commands["there already"] = commands["attach network"]
    return commands


REFUSED: dict[str, tuple[Callable[[Path], list[object]], tuple[str, ...]]] = {}


def refused(*says: str) -> Callable[[Callable[[Path], list[object]]], Callable[[Path], list[object]]]:
    def note(make: Callable[[Path], list[object]]) -> Callable[[Path], list[object]]:
        REFUSED[make.__name__] = (make, says)
        return make

    return note


@refused(
    "other_contract.onnx was made for other features",
    'log: model "base 10", pipeline "natural"; window_s: model 2, pipeline 4',
)
def other_contract(folder: Path) -> list[object]:
    contract = BandEntropy().contract() | {"window_s": 2, "log": "base 10"}
    return replayed(folder, beside(folder / "other_contract.onnx", {"card": CARD, "contract": contract}))


@refused("licence: Field required", "no_licence.card.json")
def no_licence(folder: Path) -> list[object]:
    card = {key: value for key, value in CARD.items() if key != "licence"}
    return replayed(folder, beside(folder / "no_licence.onnx", {"card": card, "contract": {}}))


@refused("card_without_licence.json", "licence: Field required", "Correct it there")
def card_without_licence(folder: Path) -> list[object]:
    card = write_card(folder / "card_without_licence.json", licence=None)
    return ["models", "attach", folder / "network.onnx", "--card", card, "-o", folder / "never.onnx"]


@refused("The model card", "no_card.yaml cannot be read")
def no_card_file(folder: Path) -> list[object]:
    return ["models", "attach", folder / "network.onnx", "--card", folder / "no_card.yaml", "-o", folder / "never.onnx"]


@refused("does not say which features it was trained on", "no_card.card.json", "streamsense models attach")
def no_card(folder: Path) -> list[object]:
    (folder / "no_card.onnx").write_bytes(by_hand().SerializeToString())
    return replayed(folder, folder / "no_card.onnx")


@refused("outside its own file", "save_as_external_data=False")
def external_data(folder: Path) -> list[object]:
    model = by_hand()
    onnx.save(model, folder / "split.onnx", save_as_external_data=True, size_threshold=0, location="weights.bin")
    return ["models", "inspect", folder / "split.onnx"]


@refused("custom operator Laplacian of 'my.lab'", "never loaded")
def custom_operator(folder: Path) -> list[object]:
    model = by_hand()
    model.graph.node[0].domain, model.graph.node[0].op_type = "my.lab", "Laplacian"
    (folder / "custom.onnx").write_bytes(model.SerializeToString())
    return ["models", "attach", folder / "custom.onnx", "--card", folder / "card.json", "-o", folder / "never.onnx"]


@refused("not a whole ONNX file", "export it again")
def truncated(folder: Path) -> list[object]:
    (folder / "half.onnx").write_bytes(by_hand().SerializeToString()[:-7])
    return ["models", "inspect", folder / "half.onnx"]


@refused("cannot be read", "Check the path")
def not_there(folder: Path) -> list[object]:
    return ["models", "inspect", folder / "nowhere.onnx"]


@refused("is not JSON")
def metadata_that_is_no_json(folder: Path) -> list[object]:
    return ["models", "inspect", beside(folder / "no_json.onnx", "{card: mine}")]


@refused("nested deeper than")
def deep_metadata(folder: Path) -> list[object]:
    text = '{"contract": ' + '{"a":' * 900 + "1" + "}" * 901
    return ["models", "inspect", beside(folder / "deep.onnx", text)]


@refused("longer than 1048576 characters")
def huge_metadata(folder: Path) -> list[object]:
    model = by_hand()
    for key in ("card", "contract"):
        model.metadata_props.add(key=f"streamsense.{key}", value=json.dumps({"a": "x" * 2_000_000}))
    (folder / "huge.onnx").write_bytes(model.SerializeToString())
    return ["models", "inspect", folder / "huge.onnx"]


@refused("no usable contract", "expected a JSON object")
def contract_that_is_a_list(folder: Path) -> list[object]:
    return ["models", "inspect", beside(folder / "list.onnx", {"card": CARD, "contract": [1]})]


@refused("takes the inputs other, found none", "inputs_of_others.onnx")
def inputs_of_others(folder: Path) -> list[object]:
    path = beside(folder / "inputs_of_others.onnx", {"card": CARD, "contract": BandEntropy().contract()})
    model = by_hand()
    model.graph.input[0].name = model.graph.node[0].input[0] = "other"
    path.write_bytes(model.SerializeToString())
    return replayed(folder, path)


@refused("of opset 21, expected 20 at most", "opset_version=20")
def later_opset(folder: Path) -> list[object]:
    model = by_hand(21)
    (folder / "later.onnx").write_bytes(model.SerializeToString())
    return ["models", "inspect", folder / "later.onnx"]


def not_finite(folder: Path) -> list[object]:
    path = beside(folder / "not_finite.onnx", {"card": CARD, "contract": BandEntropy().contract()})
    path.write_bytes(by_hand(weight=float("nan")).SerializeToString())
    return replayed(folder, path)


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Mapping[str, Done]]:
    """How each command ended."""
    folder = tmp_path_factory.mktemp("own_models")
    recording(folder)
    commands = working(folder) | {"not finite": not_finite(folder)}
    commands |= {name: make(folder) for name, (make, _) in REFUSED.items()}
    return folder, dict(zip(commands, run_together(list(commands.values()), folder), strict=True))


@pytest.mark.parametrize("source", ["network", "static", "old"])
def test_a_network_of_ones_own_is_attached_and_scores(source, ended):
    folder, done = ended
    assert done[f"attach {source}"].code == 0, done[f"attach {source}"]
    assert f"{source}_expert.onnx: takes band_entropy 82 × 5" in done[f"attach {source}"].out
    assert done[f"replay {source}"].code == 0, done[f"replay {source}"]
    with (folder / f"{source}_expert_scores" / "scores.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 20
    assert float(rows[-1]["eeg_presence"]) == 1
    if source == "old":
        # 0.25 with the variance e^0.25, behind the prior: 0 with the SD 0.5
        assert 0.01 < float(rows[-1]["arousal"]) < 0.25


def test_inspect_shows_what_was_attached(ended):
    _, done = ended
    facts = json.loads(done["inspect json"].out)
    assert facts["card"]["licence"] == "CC0-1.0"
    assert facts["contract"]["window_s"] == 4
    assert (facts["opset"], facts["inputs"]) == (20, {"band_entropy": [82, 5]})
    assert facts["outputs"] == {"vad_mean": [3], "vad_log_variance": [3], "emotion_logits": [8]}
    page = done["inspect"].out
    assert "inputs  band_entropy 82 × 5" in page
    assert f"opset 20, {facts['bytes']} bytes, file sha256 {facts['sha256']}" in page


def test_what_was_written_before_is_not_overwritten(ended):
    _, done = ended
    assert done["there already"].code == 2
    assert "one that is there is not overwritten" in done["there already"].err


def test_a_network_with_nan_in_it_is_told_and_its_modality_is_absent(ended):
    folder, done = ended
    assert done["not finite"].code == 0, done["not finite"]
    events = (folder / "not_finite_scores" / "events.csv").read_text()
    assert events.count("expert_failed") == 1
    assert "not_finite.onnx returned numbers that are not finite" in events
    with (folder / "not_finite_scores" / "scores.csv").open() as file:
        assert {float(row["eeg_presence"]) for row in csv.DictReader(file)} == {0.0}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_wrong_is_said_in_one_line(name, ended):
    folder, done = ended
    assert done[name].code == 2, done[name]
    assert done[name].err.startswith("Error: ")
    assert done[name].err.rstrip("\n").count("\n") == 0, done[name].err
    for part in REFUSED[name][1]:
        assert part in done[name].err
    assert not (folder / "never.onnx").exists()
