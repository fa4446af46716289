"""`streamsense salvage`: what is whole is saved, what is lost is said, nothing is overwritten."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import pyxdf

from streamsense.errors import RecordingError
from streamsense.runtime.salvage import salvage
from tests.helpers.command_line import run_together
from tests.helpers.xdf_damage import heads, plain_file


@pytest.fixture
def torn(tmp_path: Path) -> Path:
    """A recording that was killed while it wrote, and that has 40 damaged bytes in its middle."""
    (tmp_path / "whole.xdf").write_bytes(plain_file())
    data = bytearray(plain_file()[:-3000])
    place = heads(tmp_path / "whole.xdf")[40]
    data[place : place + 40] = b"\xaa" * 40
    (tmp_path / "torn.xdf").write_bytes(data)
    return tmp_path / "torn.xdf"


def test_the_command_says_what_was_lost_and_never_overwrites(torn: Path, tmp_path: Path) -> None:
    commands = (
        ["salvage", torn, "clean.xdf", "--json"],
        ["salvage", torn, "clean.xdf"],
        ["salvage", torn, "again.xdf"],
        ["salvage", "none.xdf", "out.xdf"],
    )
    told, refused, shown, missing = run_together(commands, tmp_path)
    assert told.code == 0, told.err
    report = json.loads(told.out)
    assert report["skipped_bytes"] > 0
    streams = {stream["name"]: stream for stream in report["streams"]}
    assert all(stream["new_footer"] for stream in streams.values())
    assert any("damaged at byte" in warning for warning in report["warnings"])
    assert any("torn tail" in warning for warning in report["warnings"])
    opened, _ = pyxdf.load_xdf(tmp_path / "clean.xdf", verbose=False)
    for stream in opened:
        footer = stream["footer"]["info"]
        count = streams[stream["info"]["name"][0]]["samples"]
        assert count == len(stream["time_stamps"]) == int(footer["sample_count"][0])
    assert refused.code == 2
    assert "clean.xdf exists already and is never overwritten" in refused.err
    assert shown.code == 0
    assert "made anew" in shown.out
    assert (tmp_path / "again.xdf").read_bytes() == (tmp_path / "clean.xdf").read_bytes()
    assert missing.code == 2
    assert "none.xdf cannot be read" in missing.err
    assert not list(tmp_path.glob("*.unfinished"))


def test_nothing_is_left_behind_where_nothing_can_be_saved(tmp_path: Path) -> None:
    (tmp_path / "empty.xdf").write_bytes(b"XDF:" + bytes(100))
    with pytest.raises(RecordingError, match="no stream that can be read"):
        salvage(tmp_path / "empty.xdf", tmp_path / "out.xdf")
    (tmp_path / "whole.xdf").write_bytes(plain_file())
    with pytest.raises(RecordingError, match="cannot be written"):
        salvage(tmp_path / "whole.xdf", tmp_path / "no folder" / "out.xdf")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty.xdf", "whole.xdf"]
