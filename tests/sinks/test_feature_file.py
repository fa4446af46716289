"""Tables of features: the same bits when they are read back, whole or not there at all, never over another file."""

from __future__ import annotations

import csv
import math
import struct
import sys

import numpy as np
import pytest

from streamsense.errors import ConfigError, DependencyError, SinkError
from streamsense.sinks.feature_file import check_feature_path, feature_file

UNITS = {"time": "s", "de_alpha_Oz": "nat", "voiced_fraction": ""}


def rows(count: int) -> list[list[float]]:
    random = np.random.default_rng(0)
    made = random.normal(0, 1, (count, 2)).astype(np.float32).astype(np.float64)
    found = [[number / 5, *map(float, made[number])] for number in range(count)]
    found[1][1] = math.nan
    found[2][2] = -0.0
    found[3][1] = 5e-324
    return found


def bits(table: list[list[float]]) -> bytes:
    return b"".join(struct.pack("<d", math.nan if math.isnan(value) else value) for row in table for value in row)


def test_a_csv_reads_back_to_the_same_bits(tmp_path):
    path = tmp_path / "new" / "features.csv"
    with feature_file(path, UNITS) as file:
        for row in rows(20):
            file.write(row)
    with path.open(newline="") as table:
        head, *read = csv.reader(table)
    assert head == list(UNITS)
    assert read[1][1] == "", "an empty cell, not a word"
    assert bits([[float(cell or "nan") for cell in row] for row in read]) == bits(rows(20))


def test_a_parquet_reads_back_to_the_same_bits_with_its_units(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "features.parquet"
    with feature_file(path, UNITS) as file:
        for row in rows(701):  # more than two groups of rows
            file.write(row)
    table = parquet.read_table(path)
    assert table.column_names == list(UNITS)
    assert [table.schema.field(name).metadata[b"unit"].decode() for name in UNITS] == list(UNITS.values())
    assert [table.column(name).null_count for name in UNITS] == [0, 1, 0]
    columns = [table.column(name).to_pylist() for name in UNITS]
    read = [[math.nan if value is None else value for value in row] for row in zip(*columns, strict=True)]
    assert bits(read) == bits(rows(701))
    assert parquet.ParquetFile(path).num_row_groups == 3, "rows are not kept until the end"


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_a_table_that_fails_half_way_leaves_no_file(tmp_path, ending):
    if ending == ".parquet":
        pytest.importorskip("pyarrow")
    path = tmp_path / f"features{ending}"

    def fails_half_way() -> None:
        with feature_file(path, UNITS) as file:
            for row in rows(400):
                file.write(row)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fails_half_way()
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_not_overwritten(tmp_path):
    path = tmp_path / "features.csv"
    path.write_text("precious\n")
    with pytest.raises(SinkError, match=r"features\.csv is there already and is not overwritten"):
        check_feature_path(path)
    assert path.read_text() == "precious\n"


def test_another_ending_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"features\.xlsx', expected a file that ends in \.csv or \.parquet"):
        check_feature_path(tmp_path / "features.xlsx")


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(SinkError, match=r"a\.csv cannot be written: "),
        feature_file(tmp_path / "file" / "a.csv", UNITS),
    ):
        pass


def test_parquet_without_pyarrow_is_told_at_once(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)  # as Python marks what is not to be imported
    with pytest.raises(DependencyError, match=r"pip install 'streamsense\[parquet\]'"):
        check_feature_path(tmp_path / "a.parquet")
    check_feature_path(tmp_path / "a.csv")
