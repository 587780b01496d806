"""Formats of a contract's dialect: their terms, their place in a fingerprint, and compressed inputs."""

from __future__ import annotations

import gzip
import io
import pkgutil
import subprocess
import sys
import zipfile
from typing import Any

import pytest
from backports import zstd

import medallion.cleaner.formats
from format_files import Bytes, as_csv, as_xlsx, zipped
from medallion.config.contract import Contract
from medallion.config.diagnostics import ConfigError
from medallion.config.formats import FORMATS
from medallion.config.sources import packed
from medallion.config.sources.csv import LocalFile
from medallion.config.sources.stream import opened
from medallion.config.yaml_loader import parse
from medallion.errors import BadInput

CSV = as_csv(["a", "b"], [["1", "2"]] * 1000)


def contract(dialect: str) -> Contract:
    return parse(f"name: a\ntable: a.b\nfields: [{{name: x}}]\ndialect: {dialect}\n", Contract, "a.yaml")


@pytest.mark.parametrize(
    ("dialect", "column", "words"),
    [
        ("{format: xls}", 1, "no format 'xls'.*csv, fixed-width, jsonl, parquet, xlsx"),
        ("{format: xlsx, delimiter: ';'}", 25, "unknown key 'delimiter'.*sheetName"),
        ("{sheetName: x}", 11, "unknown key 'sheetName'"),
        ("{format: jsonl, headerRows: [2]}", 26, "unknown key 'headerRows'"),
        ("{format: parquet, encoding: cp1252}", 28, "unknown key 'encoding'"),
        ("{format: xlsx, sheetName: x, sheetNumber: 1}", 1, "exclude each other"),
        ("{format: xlsx, range: 'B3:A1'}", 25, "has no cells"),
        ("{format: xlsx, range: B3}", 25, "no range of cells"),
        ("{format: xlsx, header: false, headerRows: [2]}", 1, "exclude each other"),
        ("{format: fixed-width}", 1, "'widths' is missing"),
        ("{format: fixed-width, widths: [3, x]}", 44, "'x' is no whole number"),
        ("{format: fixed-width, widths: [0]}", 32, "greater than or equal to 1"),
        ("{format: parquet}\nencoding: cp1252", 1, "a Parquet file has no `encoding`"),
    ],
)  # fmt: skip
def test_term_that_a_format_has_no_use_for_is_refused(dialect: str, column: int, words: str):
    with pytest.raises(ConfigError, match=words) as caught:
        contract(dialect)
    found = caught.value.diagnostics[0]
    assert (found.column, found.line) == (column, 1 if "\n" in dialect else 4)


def test_format_is_in_a_fingerprint_and_the_default_is_not():
    def terms(dialect: str) -> Any:
        return contract(dialect).model_dump(by_alias=True, exclude_defaults=True, mode="json").get("dialect")

    assert terms("{}") is terms("{format: csv}") is terms("{header: true}") is None
    assert list(terms("{longRows: cut, headerRows: [2], encoding: cp1252, delimiter: ;}")) == [
        "delimiter", "encoding", "headerRows", "longRows"
    ]  # fmt: skip
    for name in FORMATS:
        widths = ", widths: [3]" if name == "fixed-width" else ""
        one = contract(f"{{format: {name}{widths}}}")
        assert Contract.model_validate(one.model_dump(by_alias=True, exclude_unset=True, mode="json")) == one
        assert name == "csv" or terms(f"{{format: {name}{widths}}}")["format"] == name


def test_each_format_has_a_reader():
    readers = {module.name.replace("_", "-") for module in pkgutil.iter_modules(medallion.cleaner.formats.__path__)}
    assert readers == {*FORMATS}


@pytest.mark.parametrize("on_disk", [True, False])
@pytest.mark.parametrize("pack", [gzip.compress, zstd.compress, lambda data: zipped(a__csv=data), bytes])
def test_compressed_input_is_unpacked_or_refused_if_damaged(pack: Any, on_disk: bool, tmp_path):
    def read(data: bytes) -> bytes:
        (tmp_path / "a").write_bytes(data)
        with opened(LocalFile(tmp_path / "a", "a") if on_disk else Bytes(data)) as source:
            return source.stream.read()

    data = pack(CSV)
    assert read(data) == CSV
    if pack is bytes:
        return
    assert read(pack(data)) == CSV
    for end in range(5, len(data) - 1, max(len(data) // 10, 1)):
        with pytest.raises(BadInput, match="damaged or cut-off"):
            read(data[:end])


@pytest.mark.parametrize(
    ("data", "member", "words"),
    [
        (zipped(a__csv=CSV, b__csv=CSV), None, "zip archive of 2 files: a.csv, b.csv"),
        (zipped(a__csv=CSV, b__csv=CSV), "*.csv", "2 files of file match `member: .*`"),
        (zipped(a__csv=CSV, b__csv=CSV), "c.csv", "no file of file match"),
        (zipped(), None, "without files"),
        (zipped(a__csv=CSV).replace(b"PK\x03\x04\x14\0\0", b"PK\x03\x04\x14\0\1").replace(b"PK\1\2\x14\3\x14\0\0", b"PK\1\2\x14\3\x14\0\1"), None, "a.csv in file is encrypted"),
    ],
)  # fmt: skip
def test_archive_that_is_not_clear_is_refused(data: bytes, member: str | None, words: str):
    with pytest.raises(BadInput, match=words), opened(Bytes(data), member) as source:
        source.stream.read()


def test_member_of_an_archive_is_read():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("__MACOSX/._a.csv", b"x")
        archive.writestr("in/orders-2024.csv", CSV)
        archive.writestr("in/readme.txt", b"x")
        archive.writestr("in/.DS_Store", b"x")
    for member in ("orders*.csv", "in/orders-2024.csv", "in/*.csv"):
        with opened(Bytes(out.getvalue()), member) as source:
            assert source.stream.read() == CSV


def test_workbook_in_an_archive_is_not_unpacked_itself():
    book = as_xlsx(["a"], [["x"]])
    for data in (book, zipped(a__xlsx=book), gzip.compress(book)):
        with opened(Bytes(data)) as source:
            assert source.seekable().read() == book


def test_temporary_file_has_a_limit(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(packed, "MOST_SPOOLED", 1000)
    with pytest.raises(BadInput, match="nothing of it was loaded"), opened(Bytes(CSV)) as source:
        source.seekable()


def test_csv_imports_no_library_of_another_format():
    code = (
        "import sys, medallion.cleaner.load, medallion.cleaner.formats.csv, medallion.config.formats; "
        "others = [name for name in sys.modules if name.startswith(('python_calamine', 'backports.zstd', 'xml.', "
        "'medallion.cleaner.workbook', 'medallion.cleaner.formats.'))]; print(*sorted(others))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["medallion.cleaner.formats.csv"]
