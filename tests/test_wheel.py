"""The wheel, installed in a clean environment outside the tree, is whole and runs the demo."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamsense.cli.compiling import WORDS

ROOT = Path(__file__).parents[1]
SHIPPED = {"models_onnx": ("*.onnx", "*.card.md", "*.py"), "configs": ("*.yaml",), "pipelines": ("*.py",)}
LEFT_TO_COMPILE = "conflict"
"""The module whose loops the demo of the wheel compiles by itself; where STREAMSENSE_PROOF=1, it compiles all."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def run(*words: object, folder: Path) -> str:
    return ended(*words, folder=folder).stdout


def ended(*words: object, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    done = subprocess.run(
        [str(word) for word in words],
        cwd=folder,
        env={**environment, "COLUMNS": "150"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, f"{words}: {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done


def pip(scripts: Path, *words: object, folder: Path) -> str:
    """This environment's pip at work in the one of `scripts`, which has none of its own."""
    python = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", scripts / "python")
    return run(*python, *words, folder=folder)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT, folder=folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of the commands of a fresh environment that has the wheel and the demo's extra; 1.3 GB."""
    folder = tmp_path_factory.mktemp("clean")
    run(sys.executable, "-m", "venv", "--without-pip", "environment", folder=folder)
    scripts = folder / "environment" / ("Scripts" if sys.platform == "win32" else "bin")
    # What is imported is compiled then; most of it never is.
    install = ("install", "--quiet", "--no-compile", "--constraint", ROOT / "constraints.txt")
    pip(scripts, *install, f"{wheel}[demo]", folder=folder)
    yield scripts
    shutil.rmtree(folder)


def test_the_wheel_carries_models_configurations_and_pipelines(wheel):
    with zipfile.ZipFile(wheel) as opened:
        names = set(opened.namelist())
    for folder, patterns in SHIPPED.items():
        files = [path.name for pattern in patterns for path in (ROOT / folder).glob(pattern)]
        assert files, f"{folder} is empty"
        assert {f"streamsense/_shipped/{folder}/{name}" for name in files} <= names
    assert not [name for name in names if "__pycache__" in name or name.startswith("tests/")]
    assert {name.rsplit("/", 1)[1] for name in names if "/licenses/" in name} == {"LICENSE", "NOTICE"}


def test_the_environment_is_clean_and_consistent(environment, tmp_path):
    pip(environment, "check", folder=tmp_path)
    found = run(environment / "python", "-c", "import streamsense; print(streamsense.__file__)", folder=tmp_path)
    assert Path(found.strip()).is_relative_to(environment.parent)
    assert "pytest" not in pip(environment, "list", folder=tmp_path)


def give_compiled_loops(package: Path) -> None:
    """Give an installed package what numba compiled of the checkout's loops, all but those of one module.

    That the wheel is whole is tested, not how long a machine compiles: a minute of the processor. Numba believes the
    time and size of a source; here the sources are compared, too.
    """
    for compiled in (ROOT / "streamsense").rglob("__pycache__/*.nb[ic]"):
        within = compiled.relative_to(ROOT / "streamsense")
        module = compiled.name.partition(".")[0]
        if module == LEFT_TO_COMPILE:
            continue
        original, installed = (
            folder / within.parent.parent / f"{module}.py" for folder in (ROOT / "streamsense", package)
        )
        assert installed.read_bytes() == original.read_bytes()
        shutil.copystat(original, installed)
        (package / within.parent).mkdir(exist_ok=True)
        shutil.copy2(compiled, package / within)


def test_the_demo_runs_from_the_wheel(environment, tmp_path):
    if not os.environ.get("STREAMSENSE_PROOF"):
        (package,) = environment.parent.glob("**/site-packages/streamsense")
        give_compiled_loops(package)
    demo = ended(environment / "streamsense", "demo", "--seconds", "6", folder=tmp_path)
    shown = demo.stdout
    # A fresh installation compiles its hot loops before the session begins: no tick may be lost to that.
    assert demo.stderr.count(WORDS) == 1, "nobody was told why nothing is shown"
    found = re.search(r"(\d+) scores in [\d.]+ s, 0 ticks skipped", shown)
    assert found, shown
    assert int(found[1]) >= 25
    assert len(re.findall(r"^ *\d+\.\d  EFV  .*●.* [+-]\d\.\d\d±\d\.\d\d", shown, re.M)) >= 5
