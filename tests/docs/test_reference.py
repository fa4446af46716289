"""The reference says what the code does: channels, configuration, events, commands, exit codes; links lead to files."""

from __future__ import annotations

import math
import re
from dataclasses import astuple

import pytest
import typer
from pydantic.fields import FieldInfo

from streamsense.cli.main import app
from streamsense.config import Config, LslSource, MicrophoneSource, WebcamSource
from streamsense.datasets.catalogue import DATASETS
from streamsense.datasets.label_file import LabelFile
from streamsense.errors import StreamsenseError
from streamsense.evaluation import splits
from streamsense.evaluation.leakage import run_sentinel
from streamsense.features.language_cues import LABELS, UNITS
from streamsense.fusion.emotions import EMOTIONS
from streamsense.models.expert import OUTPUTS
from streamsense.quality_notices import QUALITY
from streamsense.runtime.assembly import build_feature_pipeline
from streamsense.runtime.recording import ALARM
from streamsense.runtime.verify import DIFFERENT, ELSEWHERE
from streamsense.runtime.warm_up import warm_up
from streamsense.score import SCORE_CHANNELS
from streamsense.segments import SEGMENT_OFF, SEGMENT_ON
from streamsense.settings_file import Section
from streamsense.sinks.lsl import DIAGNOSTIC_CHANNELS
from streamsense.streams import LANGUAGE_CUES, StreamInfo
from streamsense.training.train_settings import TrainConfig
from tests.docs.documents import DOCUMENTS, ROOT
from tests.helpers import sessions

REFERENCE = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")


def table(heading: str, text: str = REFERENCE) -> list[list[str]]:
    """The cells of the first table after a line that holds `heading`, without its head."""
    rows = []
    for line in text[text.index(heading) :].splitlines():
        if line.startswith("|"):
            rows.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
        elif rows:
            break
    return rows[2:]


def test_the_score_channels_are_those_of_the_code():
    def number(value: float) -> str:
        return {math.inf: "∞", -math.inf: "−∞"}.get(value, f"{value:g}".replace("-", "−"))

    expected = [[f"`{c.label}`", c.unit, f"{number(c.low)} to {number(c.high)}"] for c in SCORE_CHANNELS]
    assert [row[:3] for row in table("## Score channels")] == expected
    assert all(row[3] for row in table("## Score channels"))
    assert all(f"`{channel.label}`" in REFERENCE for channel in DIAGNOSTIC_CHANNELS)


def test_the_feature_columns_are_those_of_the_code():
    pipeline = sessions.pipeline("eeg", "face", "voice", text={})
    words = StreamInfo("text", "text", "", LANGUAGE_CUES, "", LABELS, UNITS, 0.0, "float32")
    units = pipeline.feature_table([*(make(1.0).info for make in sessions.MAKERS.values()), words]).units
    expected = {}
    for name, unit in units.items():
        any_electrode = re.sub(r"^(de|base)_[a-z]+_\w+[0-9z]$", r"\1_BAND_ELECTRODE", name)
        expected[re.sub(r"(?<=^au)\d\d|(?<=_)\d\d$", "NN", any_electrode)] = unit
    rows = table("## Feature columns")
    assert {row[0].strip("`"): row[1] for row in rows} == expected
    # Unit by unit and statistic by statistic the order is the code's; the columns of all units stand together.
    assert [row[0].strip("`") for row in rows] == list(expected)
    assert all(row[2] for row in rows)


def test_what_a_model_takes_and_gives_is_what_it_is_given():
    config = sessions.config("eeg", "voice", "face")
    score = warm_up(build_feature_pipeline(config), config)[-1]
    given = {
        (modality, f"`{name}`", " × ".join(map(str, value.shape)))
        for modality, window in score.windows.items()
        for name, value in window.inputs.items()
    }
    assert {tuple(row[:3]) for row in table("## What a model takes and gives")} == given
    outputs = {f"`{name}`": str(size) for name, size in OUTPUTS.items()}
    assert {row[0]: row[1] for row in table("| output | size")} == outputs
    assert table("| output | size")[-1][2] == ", ".join(EMOTIONS)


def test_the_readme_names_only_channels_that_exist():
    labels = {channel.label for channel in SCORE_CHANNELS}
    parts = {label.split("_", 1)[1] for label in labels if label.startswith("eeg_")}
    suffixes = {"_smoothed", "_sd", "eeg_", "face_", "voice_"}
    named = {name for row in table("## Score channels", README) for name in re.findall(r"`([a-z_]+)`", " ".join(row))}
    assert named <= labels | parts | suffixes
    assert {"valence", "ambivalence", "confidence", "tick"} <= named


def test_every_configuration_key_is_there_with_its_default():
    def shown(default: object) -> str:
        if default is None or default in ((), {}):
            return "none"
        if isinstance(default, bool):
            return str(default).lower()
        if isinstance(default, tuple):
            return ", ".join(shown(value) for value in default)
        return f"{default:g}" if isinstance(default, float) else str(default)

    expected = {}
    for key, field in Config.model_fields.items():
        sections = [
            part for part in (field.annotation, *getattr(field.annotation, "__args__", ())) if _is_section(part)
        ]
        if not sections:
            expected[f"`{key}`"] = shown(field.default)
            continue
        for name, part in sections[0].model_fields.items():
            expected[f"`{key}.{name}`"] = shown(part.default) if name != "source" else None
    found = {row[0]: row[1] for row in table("## Configuration")}
    assert list(found) == list(expected)
    assert all(expected[key] in (None, value) for key, value in found.items())


@pytest.mark.parametrize(
    ("heading", "section"),
    [("`kind: lsl`,", LslSource), ("`kind: webcam`", WebcamSource), ("`kind: mic", MicrophoneSource)],
)
def test_every_key_of_a_source_is_there(heading, section):
    keys = [f"`{name}`" for name in section.model_fields if name != "kind"]
    assert [row[0] for row in table(heading)] == keys


def _keys(section: type[Section]) -> dict[str, str]:
    """The keys of a section's own sections, and their defaults as the reference writes them."""
    found = {}
    for name, field in section.model_fields.items():
        inner = [part for part in (field.annotation, *getattr(field.annotation, "__args__", ())) if _is_section(part)]
        if inner:
            found |= {f"`{name}.{key}`": value for key, value in _plain_keys(inner[0]).items()}
        else:
            found |= {f"`{name}`": _plain_keys(section)[name]}
    return found


def _plain_keys(section: type[Section]) -> dict[str, str]:
    def shown(field: FieldInfo) -> str:
        if field.is_required():
            return "needed"
        if field.default in (None, (), ""):
            return "none"
        if isinstance(field.default, bool):
            return str(field.default).lower()
        if isinstance(field.default, tuple):
            return ", ".join(field.default)
        return f"{field.default:g}" if isinstance(field.default, float) else str(field.default)

    return {name: shown(field) for name, field in section.model_fields.items()}


def test_every_key_of_a_training_and_of_its_labels_is_there_with_its_default():
    expected = _keys(TrainConfig)
    expected["`targets.dimensions`"] = ", ".join(TrainConfig.model_fields["targets"].default.dimensions)
    assert {row[0]: row[1] for row in table("### Training")} == expected
    assert {row[0]: row[1] for row in table("Labels of `lab` are one of three")} == _keys(LabelFile)


def _is_section(part: object) -> bool:
    return isinstance(part, type) and issubclass(part, Config.__base__)


def test_the_events_are_those_that_the_code_sends():
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "streamsense").rglob("*.py"))
    sent = set(re.findall(r'(?:notices\.add|_notice)\(\s*[^\n"]*?,\s*"(\w+)"', source))
    sent |= set(re.findall(r'Notice\([^\n"]*?,\s*"(\w+)"', source)) | set(re.findall(r'Control\("(\w+)"', source))
    sent |= set(re.findall(r'_report\.(?:tell|tally)\(\s*"(\w+)"', source))
    sent |= set(re.findall(r'left_out = "(\w+)"', source))
    sent |= {"modality_lost", "modality_present", "modality_regained", "session_started", "stream_refused"}
    sent |= {ALARM, QUALITY, SEGMENT_ON, SEGMENT_OFF}
    assert {row[0].strip("`") for row in table("## Events")} == sent


def test_every_command_and_option_is_there():
    root = typer.main.get_command(app)
    commands = dict(root.commands)
    models = commands.pop("models")
    commands |= {f"models {name}": command for name, command in models.commands.items()}
    found = {row[0].strip("`").removeprefix("streamsense ") for row in table("## Commands")}
    for name, command in commands.items():
        line = next((line for line in found if line.startswith(name)), None)
        assert line is not None, name
        for parameter in command.params:
            if parameter.name == "help":
                continue
            names = [*parameter.opts, *parameter.secondary_opts] if parameter.param_type_name == "option" else []
            assert not names or any(name in line for name in names), (name, names)
    assert len(found) == len(commands)


def test_the_exit_codes_are_right():
    codes = {int(row[0]) for row in table("### Exit codes")}
    assert {0, DIFFERENT, StreamsenseError.exit_code, ELSEWHERE, 130} == codes


def test_the_data_sets_and_splits_are_those_of_the_code():
    text = (ROOT / "docs" / "evaluation.md").read_text(encoding="utf-8")
    assert [row[0].strip("`") for row in table("## Data sets", text)] == list(DATASETS)
    named = [row[0].strip("`") for row in table("by data sets (", text)]
    assert named == ["leave_one_person_out", "folds_by_person", "trial_wise", "cross_corpus"]
    assert all(hasattr(splits, name) for name in named)


def test_the_figures_of_the_leakage_sentinel_are_those_of_the_code():
    text = (ROOT / "docs" / "evaluation.md").read_text(encoding="utf-8")
    told = [float(row[1].rstrip(" %")) / 100 for row in table("run_sentinel(", text)]
    assert list(astuple(run_sentinel(seed=0))) == pytest.approx(told, abs=0.03)


@pytest.mark.parametrize("document", [*DOCUMENTS, "CONTRIBUTING.md"])
def test_links_lead_to_files(document):
    text = (ROOT / document).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if not target.startswith("http"):
            assert (ROOT / document).parent.joinpath(target).is_file(), target


def test_the_figures_of_the_eeg_expert_are_those_of_its_card():
    text = (
        (ROOT / "docs" / "evaluation.md").read_text(encoding="utf-8").partition("## The EEG expert that is shipped")[2]
    )
    card = (ROOT / "models_onnx" / "eeg_workload.card.md").read_text(encoding="utf-8")
    figures = re.findall(r"[+-]?0\.\d+(?: \[[^]]*\])?", text)
    assert len(figures) == 21
    card = re.sub(r" ± [\d.]+", "", card)
    assert not [figure for figure in figures if figure not in card]
