"""`make models`: everything in order, a stopped run goes on, what is left out is named."""

from __future__ import annotations

import io
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console

from streamsense.resources import shipped
from streamsense.training.shipped_models import Step, make, steps


def writing(folder: Path, name: str, **more: object) -> Step:
    """A step that appends to its file, and to a list of what ran; it fails where a file forbids it."""
    program = (
        "import sys, pathlib; folder, name = pathlib.Path(sys.argv[1]), sys.argv[2]\n"
        "(folder / 'ran').open('a').write(name + ' ')\n"
        "sys.exit(3) if (folder / f'no {name}').exists() else (folder / f'{name}.onnx').write_text(name)"
    )
    return Step(name, ("-c", program, str(folder), name), f"{name}.onnx", **more)


def made(planned: list[Step], folder: Path) -> tuple[int, str]:
    said = io.StringIO()
    status = make(planned, folder, folder / "notes" / "made.json", Console(file=said, width=200))
    return status, said.getvalue()


def test_a_stopped_run_goes_on_and_a_whole_one_begins_anew(tmp_path):
    planned = [writing(tmp_path, "one"), writing(tmp_path, "two")]
    (tmp_path / "no two").touch()
    assert made(planned, tmp_path)[0] == 3
    (tmp_path / "no two").unlink()
    status, said = made(planned, tmp_path)
    assert (status, (tmp_path / "ran").read_text()) == (0, "one two two ")
    assert "one: made by the run that was stopped" in said
    assert made(planned, tmp_path)[0] == 0
    assert (tmp_path / "ran").read_text() == "one two two one two "


def test_what_was_changed_since_it_was_made_is_made_again(tmp_path):
    planned = [writing(tmp_path, "one"), writing(tmp_path, "two")]
    (tmp_path / "no two").touch()
    made(planned, tmp_path)
    (tmp_path / "one.onnx").write_text("another")
    made(planned, tmp_path)
    assert (tmp_path / "ran").read_text() == "one two one two "


def test_without_recordings_the_rest_is_made_and_the_status_is_2(tmp_path):
    folder = tmp_path / "eegmat"
    planned = [writing(tmp_path, "one", needs=((folder, "EEGMAT 1.0.0"),)), writing(tmp_path, "two")]
    status, said = made(planned, tmp_path)
    assert (status, (tmp_path / "ran").read_text()) == (2, "two ")
    assert f"one was left out: there is no {folder} (EEGMAT 1.0.0). Give their folder as DATA=FOLDER." in said


def test_every_shipped_model_is_made_by_a_step(tmp_path):
    # build.py's own are held by tests/models/test_models_build.py
    build = (shipped("models_onnx") / "build.py").read_text(encoding="utf-8")
    named = {step.file for step in steps(tmp_path)}
    for path in shipped("models_onnx").glob("*.onnx"):
        assert path.name in named or f'"{path.stem}"' in build, path.name


def test_the_trainers_are_modules():
    for step in steps(Path("somewhere"))[1:]:
        assert find_spec(step.arguments[1]) is not None
