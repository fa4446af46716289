"""What a user gets for bad input: the real command on the real parts, one clear paragraph, exit code 2.

The commands are started two at a time when the first test asks for its outcome; those that are refused before any
stream or device is asked run in one process.
"""

from __future__ import annotations

import importlib.util
import shutil
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from streamsense.models.published import CATALOGUE
from tests.helpers.command_line import Done, run, run_together, simulator, write_config
from tests.helpers.lsl_processes import outlets
from tests.helpers.xdf_writer import XdfWriter

MODEL = CATALOGUE["mesh468_iris"]
OFFLINE = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "", "PIP_CONFIG_FILE": "/dev/null"}


@dataclass(frozen=True)
class Lab:
    """A folder, and LSL sessions in which something sends."""

    folder: Path
    one_eeg: str
    two_alike: str
    unknown_electrodes: str

    def live(self, name: str, session_id: str | None = None, **content: object) -> list[object]:
        """Arguments of a live session with a configuration of its own."""
        lsl = {"session_id": session_id or self.one_eeg, "resolve_timeout_s": 2.0 if name == "no_such_stream" else 15.0}
        return ["live", write_config(self.folder, name, {"lsl": lsl, "markers": None, **content}), "--seconds", 5]

    def sub(self, name: str) -> Path:
        folder = self.folder / name
        folder.mkdir()
        return folder


Arguments = tuple[list[object], dict[str, str]]
CASES: dict[str, Callable[[Lab], Arguments]] = {}


def case(make: Callable[[Lab], Arguments | list[object]]) -> Callable[[Lab], Arguments | list[object]]:
    """Add what makes a command's arguments and environment to CASES."""

    def both(lab: Lab) -> Arguments:
        made = make(lab)
        return made if isinstance(made, tuple) else (made, {})

    CASES[make.__name__] = both
    return make


@case
def no_such_stream(lab: Lab) -> list[object]:
    return lab.live("no_such_stream", eeg={"source": {"name": "Actiview"}})


@case
def two_streams(lab: Lab) -> list[object]:
    return lab.live("two_streams", lab.two_alike, eeg={})


@case
def unknown_electrodes_live(lab: Lab) -> list[object]:
    return lab.live("unknown_electrodes", lab.unknown_electrodes, eeg={})


@case
def unknown_electrodes_recorded(lab: Lab) -> list[object]:
    writer = XdfWriter()
    writer.header(1, "float32", 2, 128.0, "Amp", "EEG", ("ch1", "ch2"))
    writer.stamped(1, 100 + np.arange(256) / 128, np.zeros((256, 2), np.float32))
    writer.footer(1, 256)
    file = lab.folder / "unknown.xdf"
    file.write_bytes(writer.data)
    return ["replay", file]


@case
def unknown_key(lab: Lab) -> list[object]:
    return lab.live("unknown_key", eeg={"source": {"nmae": "BioSemi"}})


@case
def camera_number(lab: Lab) -> list[object]:
    camera = {"source": {"kind": "webcam", "device": 97}}
    return [*lab.live("camera_number", face=camera), "--csv", lab.folder / "no_scores"]


@case
def camera_address(lab: Lab) -> list[object]:
    return lab.live("camera_address", face={"source": {"kind": "webcam", "device": "http://127.0.0.1:9/video"}})


@case
def no_portaudio(lab: Lab) -> Arguments:
    # The loader is told that the system has no such library; all else is sounddevice's own behaviour.
    stub = lab.sub("no_portaudio_here")
    (stub / "sitecustomize.py").write_text("import ctypes.util\nctypes.util.find_library = lambda name: None\n")
    return lab.live("no_portaudio", voice={"source": {"kind": "microphone"}}), {"PYTHONPATH": str(stub)}


@case
def no_libgl(lab: Lab) -> Arguments:
    # A compiled module that needs a libGL which is not there, in OpenCV's place: the system's own loader refuses it.
    soxr = importlib.util.find_spec("soxr.soxr_ext")
    assert soxr is not None
    assert soxr.origin is not None
    content = Path(soxr.origin).read_bytes()
    assert b"libstdc++.so.6" in content
    stub = lab.sub("no_libgl_here")
    (stub / "cv2.abi3.so").write_bytes(content.replace(b"libstdc++.so.6", b"libGL.so.1none"))
    return lab.live("no_libgl", face={"source": {"kind": "webcam", "device": 0}}), {"PYTHONPATH": str(stub)}


@case
def two_runtimes(lab: Lab) -> Arguments:
    installed = {name for name in ("onnxruntime", "onnxruntime-gpu") if _is_installed(name)}
    other = ({"onnxruntime", "onnxruntime-gpu"} - installed).pop()
    stub = lab.sub("two_runtimes_here")
    about = stub / f"{other.replace('-', '_')}-1.30.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {other}\nVersion: 1.30.0\n")
    return lab.live("two_runtimes", eeg={}), {"PYTHONPATH": str(stub)}


def _is_installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


@case
def wrong_model_file(lab: Lab) -> Arguments:
    folder = lab.sub("wrong_models") / MODEL.name
    folder.mkdir()
    for file in MODEL.files:
        (folder / file.name).write_bytes(b"x" * file.size)
    places = {"STREAMSENSE_MODELS": str(folder.parent), "STREAMSENSE_CACHE": str(lab.sub("cache_of_wrong"))}
    return lab.live("wrong_model", face={"source": {"kind": "webcam", "device": 0}}), {**places, **OFFLINE}


@case
def model_not_to_be_had(lab: Lab) -> Arguments:
    places = {"STREAMSENSE_MODELS": "", "STREAMSENSE_CACHE": str(lab.sub("empty_cache"))}
    return lab.live("offline", face={"source": {"kind": "webcam", "device": 0}}), {**places, **OFFLINE}


@case
def unknown_model(lab: Lab) -> list[object]:
    return lab.live("unknown_model", eeg={"model": "eeg_knowlege"})


@case
def damaged_model(lab: Lab) -> list[object]:
    (lab.folder / "mine.onnx").write_bytes(b"no model at all")
    return lab.live("damaged_model", eeg={"model": str(lab.folder / "mine.onnx")})


@case
def no_xdf(lab: Lab) -> list[object]:
    (lab.folder / "notes.xdf").write_text("dear diary")
    return ["replay", lab.folder / "notes.xdf"]


@case
def missing_recording(lab: Lab) -> list[object]:
    folder = lab.sub("recordings")
    (folder / "session_01.xdf").write_bytes(b"XDF:")
    return ["replay", folder / "sesion_01.xdf"]


@case
def missing_config(lab: Lab) -> list[object]:
    return ["live", "eeg_onyl"]


@case
def config_that_is_no_yaml(lab: Lab) -> list[object]:
    (lab.folder / "broken.yaml").write_text("eeg: {source: {kind: lsl\nvoice: {}\n")
    return ["live", lab.folder / "broken.yaml"]


@case
def no_modality(lab: Lab) -> list[object]:
    return lab.live("no_modality")


@case
def scores_are_there_already(lab: Lab) -> list[object]:
    folder = lab.sub("results")
    (folder / "scores.csv").write_text("precious\n")
    return [*lab.live("already", eeg={}), "--csv", folder]


@case
def events_are_there_already(lab: Lab) -> list[object]:
    folder = lab.sub("earlier")
    (folder / "events.csv").write_text("precious\n")
    writer = XdfWriter()
    writer.header(1, "float32", 2, 128.0, "Amp", "EEG", ("Fz", "Pz"))
    writer.stamped(1, 100 + np.arange(256) / 128, np.zeros((256, 2), np.float32))
    (lab.folder / "whole.xdf").write_bytes(writer.data)
    return ["replay", lab.folder / "whole.xdf", "--output", folder]


SAYS: dict[str, tuple[str, ...]] = {
    "no_such_stream": ("No stream matches name='Actiview'", "'SimEEG' (type 'EEG', 19", "correct the name"),
    "two_streams": ("2 streams match type='EEG'", "'Amp one'", "'Amp two'", "source_id 'amp-2'", "Expected exactly"),
    "unknown_electrodes_live": ("'Amp'", "ch1, ch2", "Expected", "Fp1", "electrodes"),
    "unknown_electrodes_recorded": ("'Amp'", "ch1, ch2", "Expected EEG with 10-20 electrode names", "--electrodes"),
    "unknown_key": ("'eeg.source.nmae'", "did you mean 'name'?", "Known here: buffer_s, kind, name"),
    "camera_number": ("Camera 97 cannot be opened", "Video devices found:", "`device:`"),
    "camera_address": ("No video comes from 127.0.0.1", "Check the address", "MJPEG"),
    "no_portaudio": ("PortAudio library", "not found", "libportaudio2"),
    "no_libgl": ("libGL.so.1", "apt install libgl1"),
    "two_runtimes": ("onnxruntime", "1.30.0", "both installed", "Expected one of them", "pip uninstall -y"),
    "wrong_model_file": ("sha256", "found 229714 bytes", "expected 229714 bytes", "wrong_models"),
    "model_not_to_be_had": ("could not be had", "mediapipe==0.10.21", "models pack", "models pull mesh468_iris --from"),
    "unknown_model": ("'eeg_knowlege'", "Shipped models: ", "eeg_knowledge", ".onnx"),
    "damaged_model": ("mine.onnx is not a whole ONNX file", "export it again"),
    "no_xdf": ("notes.xdf is not an XDF file", "b'dear'", "expected b'XDF:'", "LabRecorder"),
    "missing_recording": ("There is no file", "Did you mean session_01.xdf?"),
    "missing_config": ("There is no configuration 'eeg_onyl'", "Did you mean eeg_only?", "tri_modal_lab"),
    "config_that_is_no_yaml": ("broken.yaml is not valid YAML", "line 2"),
    "no_modality": ("uses no modality", "Expected at least one section of: eeg, face, voice"),
    "scores_are_there_already": ("scores.csv is there already", "not overwritten", "another folder"),
    "events_are_there_already": ("events.csv is there already", "not overwritten"),
}  # fmt: skip


TOGETHER = (
    "unknown_electrodes_recorded", "unknown_key", "unknown_model", "damaged_model", "no_xdf", "missing_recording",
    "missing_config", "config_that_is_no_yaml", "no_modality", "scores_are_there_already",
    "events_are_there_already",
)  # fmt: skip


@dataclass(frozen=True)
class Outcomes:
    """How each case ended, once it has."""

    folder: Path
    commands: dict[str, Future[Done]]
    together: Future[dict[str, Done]]

    def of(self, name: str) -> Done:
        return self.together.result()[name] if name in TOGETHER else self.commands[name].result()


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcomes]:
    """Every case's command, started."""
    folder = tmp_path_factory.mktemp("bad_input")
    lab = Lab(folder, *(f"bad-input-{uuid.uuid4().hex[:8]}" for _ in range(3)))
    amp = {"do": "open", "type": "EEG", "channels": 2, "rate": 250.0, "format": "float32"}
    with ExitStack() as stack:
        stack.enter_context(simulator(lab.one_eeg, "eeg"))
        for number in ("one", "two"):
            sender = stack.enter_context(outlets(lab.two_alike))
            sender.ask(
                **amp, name=f"Amp {number}", source_id=f"amp-{('one', 'two').index(number) + 1}", labels=["Fz", "Pz"]
            )
        sender = stack.enter_context(outlets(lab.unknown_electrodes))
        sender.ask(**amp, name="Amp", source_id="amp", labels=["ch1", "ch2"])
        pool = stack.enter_context(ThreadPoolExecutor(2))

        def outcome(make: Callable[[Lab], Arguments]) -> Done:
            arguments, more = make(lab)
            return run(*arguments, folder=folder, **more)

        def of_one_process() -> dict[str, Done]:
            made = [CASES[name](lab) for name in TOGETHER]
            assert not any(more for _, more in made), "one process has one environment"
            return dict(zip(TOGETHER, run_together([arguments for arguments, _ in made], folder), strict=True))

        alone = {name: make for name, make in CASES.items() if name not in TOGETHER}
        yield Outcomes(
            folder, {name: pool.submit(outcome, make) for name, make in alone.items()}, pool.submit(of_one_process)
        )
    shutil.rmtree(folder)


@pytest.mark.parametrize("name", CASES)
def test_bad_input_gets_one_paragraph_that_says_what_to_do(name: str, outcomes: Outcomes) -> None:
    done = outcomes.of(name)
    assert done.code == 2, done
    assert "Traceback" not in done.out + done.err
    # One line, and nothing before it: no log of OpenCV, FFmpeg, LiteRT or liblsl.
    assert done.err.startswith("Error: "), done.err
    assert done.err.rstrip("\n").count("\n") == 0, done.err
    for part in SAYS[name]:
        assert part in done.err


def test_what_was_there_already_is_still_there(outcomes: Outcomes) -> None:
    outcomes.of("scores_are_there_already")
    assert (outcomes.folder / "results" / "scores.csv").read_text() == "precious\n"
    outcomes.of("events_are_there_already")
    assert [(file.name, file.read_text()) for file in (outcomes.folder / "earlier").iterdir()] == [
        ("events.csv", "precious\n")
    ]


def test_a_session_that_never_began_leaves_no_files_behind(outcomes: Outcomes) -> None:
    done = outcomes.of("camera_number")
    assert done.code == 2
    assert list((outcomes.folder / "no_scores").iterdir()) == []


def test_a_usage_error_and_a_missing_command_are_told_by_the_command_itself(tmp_path: Path) -> None:
    done = run("lvie", "eeg_only", folder=tmp_path)
    assert done.code == 2
    assert "No such command 'lvie'" in done.err
    assert "live" in done.err
