"""Files that are no delimited text: `new` names their format, and reads what is packed."""

from __future__ import annotations

from pathlib import Path

import pytest

from format_files import PACKERS, WRITERS, as_csv
from medallion.infer.encoding import find_encoding
from medallion.infer.refusal import NotTabular


@pytest.mark.parametrize("name", ["jsonl", "parquet", "xlsx"])
def test_file_of_another_format_is_refused_by_name(name: str, tmp_path: Path):
    (tmp_path / "a").write_bytes(WRITERS[name](["a"], [["1"]]))
    with pytest.raises(NotTabular, match=rf"write the contract by hand, with `dialect: {{format: {name}}}`"):
        find_encoding(tmp_path / "a")


@pytest.mark.parametrize("packer", PACKERS)
def test_packed_text_is_read(packer: str, tmp_path: Path):
    (tmp_path / "a").write_bytes(PACKERS[packer](as_csv(["a", "b"], [["é", "2"]])))
    assert find_encoding(tmp_path / "a") == ("utf-8", "")


def test_old_workbook_is_refused_with_the_remedy_of_a_run(tmp_path: Path):
    (tmp_path / "a").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(3000))
    with pytest.raises(NotTabular, match="save it as an Excel workbook"):
        find_encoding(tmp_path / "a")
