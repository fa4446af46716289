"""Configurations: those that are shipped load, wrong ones are refused in words, hostile ones quickly."""

from __future__ import annotations

import itertools
import time
from pathlib import Path

import pytest

from streamsense.config import Config, WebcamSource, load_config, parse_config
from streamsense.errors import ConfigError
from streamsense.resources import shipped
from streamsense.yaml_file import LONGEST_BYTES

SHIPPED = sorted(path for path in shipped("configs").glob("*.yaml") if not path.name.startswith("train_"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_configuration_loads_and_uses_a_modality(path: Path) -> None:
    config = load_config(path)
    assert config.eeg or config.face or config.voice


def test_the_configurations_that_the_design_names_are_shipped() -> None:
    named = {"tri_modal_lab", "webcam_microphone", "eeg_only", "muse", "replay"}
    assert named <= {path.stem for path in SHIPPED}


def test_an_empty_file_is_the_defaults(tmp_path: Path) -> None:
    file = tmp_path / "empty.yaml"
    file.write_text("# nothing yet\n")
    assert load_config(file) == Config()


def refusal(content: object) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_config(content, "lab.yaml")
    text = str(caught.value)
    assert text.startswith("lab.yaml ")
    assert "\n" not in text
    return text


UNKNOWN_KEYS = [
    ({"eg": {}}, "eg", "eeg"),
    ({"Timing": {}}, "Timing", "timing"),
    ({"eeg": {"windows_s": 4}}, "eeg.windows_s", "window_s"),
    ({"eeg": {"source": {"nme": "A"}}}, "eeg.source.nme", "name"),
    ({"eeg": {"source": {"lsl": 1}}}, "eeg.source.lsl", "buffer_s"),
    ({"face": {"frontend": "x"}}, "face.frontend", "front_end"),
    ({"face": {"source": {"kind": "webcam", "divice": 0}}}, "face.source.divice", "device"),
    ({"face": {"source": {"kind": "lsl", "sourceid": "x"}}}, "face.source.sourceid", "source_id"),
    ({"voice": {"source": {"kind": "microphone", "rate": 16000}}}, "voice.source.rate", "rate_hz"),
    ({"markers": {"typ": "Markers"}}, "markers.typ", "type"),
    ({"timing": {"deadline": 0.1}}, "timing.deadline", "deadline_s"),
    ({"lsl": {"session": "a"}}, "lsl.session", "session_id"),
    ({"output": {"cvs": "x"}}, "output.cvs", "csv"),
]


@pytest.mark.parametrize(("content", "where", "nearest"), UNKNOWN_KEYS, ids=[where for _, where, _ in UNKNOWN_KEYS])
def test_an_unknown_key_is_named_with_the_nearest_known_one(content: object, where: str, nearest: str) -> None:
    text = refusal(content)
    assert f"there is no key '{where}'; did you mean '{nearest}'? Known here: " in text
    assert nearest in text.split("Known here: ")[1].rstrip(".").split(", ")


def test_the_keys_of_the_chosen_source_are_listed_and_no_others() -> None:
    text = refusal({"face": {"source": {"kind": "webcam", "divice": 0}}})
    assert text.endswith(f"Known here: {', '.join(sorted(WebcamSource.model_fields))}.")


WRONG_VALUES = [
    ({"eeg": {"window_s": 0.5}}, "eeg.window_s: ", "0.5"),
    ({"eeg": {"window_s": 4.5}}, "eeg.window_s: ", "4.5"),
    ({"eeg": {"line_frequency_hz": 55}}, "eeg.line_frequency_hz: Input should be 50 or 60", "55"),
    ({"eeg": {"reference": "mastoids"}}, "eeg.reference: ", "'mastoids'"),
    ({"eeg": {"electrodes": {"ch1": 5}}}, "eeg.electrodes.ch1: ", "5"),
    ({"eeg": {"source": {"buffer_s": 0}}}, "eeg.source.buffer_s: ", "0"),
    ({"eeg": 5}, "eeg: expected keys and values under it", "5"),
    ({"face": {"source": {"kind": "webcam", "latency_s": -1}}}, "face.source.latency_s: ", "-1"),
    ({"face": {"source": {"kind": "webcam", "device": [1]}}}, "face.source.device: ", "[1]"),
    ({"face": {"source": {"kind": "film"}}}, "face.source: ", "'lsl', 'webcam'"),
    ({"face": {"source": {"device": 0}}}, "face.source: a key 'kind' is needed, with one of: lsl, webcam", "device"),
    ({"face": {"front_end": "mesh999"}}, "face.front_end: ", "'mesh468_iris'"),
    ({"voice": {"source": {"kind": "microphone", "rate_hz": 4000}}}, "voice.source.rate_hz: ", "4000"),
    ({"timing": {"deadline_s": float("nan")}}, "timing.deadline_s: Input should be a finite number", "nan"),
    ({"timing": {"deadline_s": 6}}, "timing.deadline_s: ", "6"),
    ({"timing": {"stale_after_s": 0}}, "timing.stale_after_s: ", "0"),
    ({"dynamics": {"time_constant_s": float("inf")}}, "dynamics.time_constant_s: ", "inf"),
    ({"dynamics": {"time_constant_s": 1e-4}}, "dynamics.time_constant_s: ", "0.0001"),
    ({"provider": "gpu"}, "provider: Input should be 'auto', 'cpu' or 'cuda'", "'gpu'"),
    ({"lsl": {"session_id": "a\n[log]"}}, "lsl.session_id: ", "a\\n[log]"),
    ({"lsl": {"scope": "world"}}, "lsl.scope: ", "'world'"),
    ({"lsl": {"known_peers": [1]}}, "lsl.known_peers.0: ", "1"),
    ({"output": {"name": "a/b"}}, "output.name: ", "'a/b'"),
    ({"output": {"csv": 5}}, "output.csv: expected a path", "5"),
    ({1: {}}, "1: Keys should be strings", "1"),
    ({"dynamics": {"order": 3}}, "dynamics.order: ", "3"),
    ({"dynamics": {"time_constant_s": 30}}, "dynamics: ", "return_s is 20 and time_constant_s 30"),
    ({"dynamics": {"baseline": [0, 2, 0]}}, "dynamics.baseline.1: ", "2"),
    ({"timing": {"deadline_s": 10**5000}}, "timing.deadline_s: ", "too long to show"),
    (["eeg"], "holds a list, expected a mapping with keys such as 'eeg'", "list"),
    ("eeg", "holds a str, expected a mapping with keys such as 'eeg'", "str"),
]


@pytest.mark.parametrize(
    ("content", "says", "found"), WRONG_VALUES, ids=[says.split(":")[0] for _, says, _ in WRONG_VALUES]
)
def test_a_wrong_value_is_named_with_what_was_expected(content: object, says: str, found: str) -> None:
    text = refusal(content)
    assert says in text
    assert found in text


def test_several_problems_are_told_at_once_and_the_list_is_bounded() -> None:
    text = refusal({f"key_{number}": "x" * 10_000 for number in range(1000)})
    assert text.count("there is no key") == 5
    assert len(text) < 2000


def ninefold(first: str, each: str) -> str:
    """Eight lines, each of which has the one before it nine times."""
    names = "abcdefgh"
    lines = [f"a: &a {first}"]
    for before, now in itertools.pairwise(names):
        lines.append(f"{now}: &{now} " + each.format(",".join([f"*{before}"] * 9)))
    return "\n".join(lines)


BAD_FILES = {
    "alias bomb": ninefold("[x, x]", "[{}]"),
    "merge bomb": ninefold("{k: 1}", "{{<<: [{}]}}"),
    "deep list": "[" * (LONGEST_BYTES - 1),
    "deep mapping": "{a: " * (LONGEST_BYTES // 5),
    "deep block": "".join(" " * depth + "a:\n" for depth in range(330)),
    "oversized": "#" * (LONGEST_BYTES + 1),
    "not text": "\x00\x01\x02",
    "not UTF-8": b"eeg: \xff\xfe",
    "unfinished": "eeg: [",
    "tabs": "eeg:\n\tsource: {}",
    "Python object": "!!python/object/apply:os.system ['touch here']",
    "Python name": "eeg: !!python/name:os.system",
    "unknown tag": "eeg: !include other.yaml",
    "impossible date": "eeg: 2001-99-99",
    "endless number": "provider: " + "9" * 60_000,
    "sixties": "provider: 1" + ":59" * 20_000,
    "unhashable key": "[1, 2]: 3",
    "the same key twice": "eeg: {}\nvoice: {}\neeg: {}\n",
    "two documents": "eeg: {}\n---\neeg: {}\n",
    "long key": "x" * 60_000 + ": 1",
}  # fmt: skip


@pytest.mark.parametrize("what", BAD_FILES)
def test_a_damaged_or_hostile_file_is_refused_quickly_and_in_one_paragraph(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "bad.yaml"
    content = BAD_FILES[what]
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    started = time.perf_counter()
    with pytest.raises(ConfigError) as caught:
        load_config(file)
    assert time.perf_counter() - started < 3.0
    text = str(caught.value)
    assert text.startswith(f"The configuration {file} ")
    assert "\n" not in text
    assert len(text) < 1000
    assert not (tmp_path / "here").exists()


def test_what_is_wrong_in_the_file_is_pointed_at(tmp_path: Path) -> None:
    file = tmp_path / "lab.yaml"
    file.write_text("eeg: {}\nvoice: {}\neeg: {}\n")
    with pytest.raises(ConfigError, match="line 3, column 1: the key 'eeg' is there twice, first in line 1"):
        load_config(file)
    file.write_text("eeg: &one {}\nvoice: *one\n")
    with pytest.raises(ConfigError, match=r"line 2, column 8: aliases \(\*name\) are not taken"):
        load_config(file)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load_config(tmp_path)
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load_config(tmp_path / "nothing.yaml")
    with pytest.raises(ConfigError, match="is longer than"):
        load_config(Path("/dev/zero"))
