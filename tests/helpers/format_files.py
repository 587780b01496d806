"""The same table in each format that the cleaner reads, by writers that share no code with it; and packed."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import polars as pl
import xlsxwriter
from backports import zstd

from medallion.cleaner.evidence import Evidence
from medallion.cleaner.formats import read_records
from medallion.config.contract import Contract
from medallion.config.sources.stream import opened

Rows = Sequence[Sequence[str | None]]
WIDTH = 12


def as_csv(header: Sequence[str], rows: Rows) -> bytes:
    """Return a table as CSV."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerows([header, *rows])
    return out.getvalue().encode()


def as_xlsx(header: Sequence[str], rows: Rows, **options: Any) -> bytes:
    """Return a table as a workbook of text cells."""
    return workbook({"Sheet1": [header, *rows]}, **options)


def workbook(sheets: dict[str, Sequence[Sequence[Any]]], hidden: Sequence[str] = (), **options: Any) -> bytes:
    """Return a workbook of sheets: texts stay texts."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_urls": False, **options})
    for name, rows in sheets.items():
        sheet = book.add_worksheet(name)
        for number, row in enumerate(rows):
            for column, value in enumerate(row):
                if isinstance(value, str):
                    sheet.write_string(number, column, value)
                elif value is not None:
                    sheet.write(number, column, value)
        if name in hidden:
            sheet.hide()
    shown = next(sheet for sheet in book.worksheets() if sheet.get_name() not in hidden)
    shown.activate()  # the first sheet is active else, and an active sheet is not hidden
    shown.set_first_sheet()
    book.close()
    return out.getvalue()


def as_jsonl(header: Sequence[str], rows: Rows) -> bytes:
    """Return a table as JSON lines; a value that is not there is null."""
    return "".join(json.dumps(dict(zip(header, row, strict=True)), ensure_ascii=False) + "\n" for row in rows).encode()


def as_parquet(header: Sequence[str], rows: Rows) -> bytes:
    """Return a table as Parquet."""
    out = io.BytesIO()
    pl.DataFrame([list(row) for row in rows], schema=dict.fromkeys(header, pl.String), orient="row").write_parquet(out)
    return out.getvalue()


def as_fixed_width(header: Sequence[str], rows: Rows) -> bytes:
    """Return a table in columns of `WIDTH` characters."""
    return "".join("".join((value or "").ljust(WIDTH) for value in row) + "\n" for row in [header, *rows]).encode()


def zipped(**files: bytes) -> bytes:
    """Return a zip archive; `__` in a name is a dot."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name.replace("__", "."), data)
    return out.getvalue()


WRITERS = {
    "csv": as_csv, "fixed-width": as_fixed_width, "jsonl": as_jsonl, "parquet": as_parquet, "xlsx": as_xlsx
}  # fmt: skip
PACKERS = {
    "plain": bytes, "gzip": gzip.compress, "zstd": zstd.compress, "zip": lambda data: zipped(data__bin=data)
}  # fmt: skip


def dialect(name: str, columns: int) -> dict[str, Any]:
    """Return the dialect that reads what the writer of this name writes."""
    return {"format": name, **({"widths": [WIDTH] * columns} if name == "fixed-width" else {})}


@dataclass
class Bytes:
    """An input that is not on disk."""

    data: bytes
    name: str = "file"
    version: str | None = None
    delivered_at: datetime | None = None

    def chunks(self) -> Any:
        """Yield the bytes."""
        yield from (self.data[at : at + 100_000] for at in range(0, len(self.data), 100_000))


@dataclass
class Found:
    """What a file holds, as the cleaner reads it."""

    header: list[str]
    rows: list[tuple[str | None, ...]]
    lines: list[int]
    records: list[str]
    rejects: dict[int, str]
    done: dict[str, int]
    notes: list[str] = field(default_factory=list)


def read_all(data: bytes, terms: dict[str, Any], fields: Sequence[Any], **more: Any) -> Found:
    """Read a file as a contract with this dialect does.

    Args:
        data: The file.
        terms: The dialect.
        fields: Fields, or their names.
        more: More of the contract.
    """
    full = [{"name": one} if isinstance(one, str) else one for one in fields]
    contract = Contract.model_validate({"name": "a", "table": "a.b", "dialect": terms, "fields": full, **more})
    with opened(Bytes(data), contract.dialect.member) as source:
        records = read_records(source, contract, Evidence(contract.codec))
        frames, rejects = [], {}
        for block in records:
            frames.append(block.frame.with_columns(_record=block.records()))
            rejects.update({reject.line: reject.reason for reject in block.rejects})
    frame = pl.concat(frames).sort("_line") if frames else pl.DataFrame({"_line": [], "_record": []})
    return Found(
        records.header, frame.drop("_line", "_record").rows(), frame["_line"].to_list(), frame["_record"].to_list(),
        rejects, dict(records.done), records.notes,
    )  # fmt: skip
