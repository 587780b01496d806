"""Parquet, read in batches. Its rows count from 1."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from medallion.cleaner.columns import labels
from medallion.cleaner.evidence import Evidence
from medallion.cleaner.formats import expected_names
from medallion.cleaner.instant_texts import spelled
from medallion.cleaner.lines import MAX_SHOWN, Reject
from medallion.cleaner.records import RecordBlock
from medallion.cleaner.typed_texts import INSTANT, as_csv, as_text
from medallion.config.contract import Contract
from medallion.config.sources.csv import LocalFile
from medallion.config.sources.stream import Opened, opened
from medallion.errors import BadInput

_VALUES = 500_000
"""About how many values a batch has."""


def read(source: Opened, contract: Contract, evidence: Evidence) -> ParquetRecords:  # noqa: ARG001
    """Return the rows of a Parquet file."""
    return ParquetRecords(source, contract)


def columns_with_types(path: Path) -> list[tuple[dict[str, str], str]]:
    """Return for each column of a file the keys of a field that takes its type, and what the type is.

    There are none for what may be text, and for whole numbers that an integer may not hold.
    """
    with opened(LocalFile(path, path.name)) as source:
        schema = pl.scan_parquet(Path(source.seekable().name), glob=False, hive_partitioning=False).collect_schema()
    return [_field(kind) for kind in schema.values()]


def _field(kind: pl.DataType) -> tuple[dict[str, str], str]:
    called = str(kind.base_type())
    if isinstance(kind, pl.UInt64 | pl.Int128 | pl.UInt128):
        return {}, called
    if isinstance(kind, pl.Datetime) and kind.time_zone is not None:
        term = {"type": "datetime", "format": f"{INSTANT}%z"}
        return term, f"instants of the zone {kind.time_zone}, which become UTC"
    if isinstance(kind, pl.Decimal):
        return {"type": "number"} if kind.scale else {}, called
    known = {pl.Boolean: "boolean", pl.Date: "date", pl.Datetime: "datetime"}
    name = "integer" if kind.is_integer() else "number" if kind.is_float() else known.get(kind.base_type())
    return {"type": name} if name else {}, called


class ParquetRecords:
    """Rows as records; `medallion.cleaner.formats.Reading` says what each attribute is."""

    def __init__(self, source: Opened, contract: Contract) -> None:
        self._name, self._contract = source.name, contract
        with self._reading():
            self._frame = pl.scan_parquet(Path(source.seekable().name), glob=False, hive_partitioning=False)
            schema = self._frame.collect_schema()
            self._rows = int(self._frame.select(pl.len()).collect().item())
        wanted = set(expected_names(contract))
        # What no field reads is not decoded: it may be no text.
        ignored = contract.unknown_columns == "ignore"
        self._types = {name: kind for name, kind in schema.items() if not ignored or name.strip() in wanted}
        self.header, self.header_line = list(self._types), 0
        self.done: Counter[str] = Counter()
        self.notes: list[str] = []

    def __iter__(self) -> Iterator[RecordBlock]:
        """Yield the rows, batch by batch."""
        names = [str(place) for place in range(len(self.header))]
        # As text with an offset is read: such a field is in UTC.
        in_utc = {one.header for one in self._contract.fields if one.type == "datetime" and one.format is None}
        texts = [
            as_text(pl.col(name), kind, in_utc=label in in_utc).alias(place)
            for place, label, (name, kind) in zip(names, labels(self.header), self._types.items(), strict=True)
        ]
        first = 1
        with self._reading():
            size = max(_VALUES // max(len(names), 1), 1)
            for batch in self._frame.select(self.header).collect_batches(chunk_size=size, maintain_order=True):
                for part in batch.iter_slices(size):
                    yield self._block(part, part.select(texts), names, first)
                    first += part.height
            if first - 1 != self._rows:  # a batch that polars fails to decode may be left out without an error
                raise self._unreadable(f"it has {self._rows:,} rows, and {first - 1:,} can be read")

    def _block(self, read: pl.DataFrame, texts: pl.DataFrame, names: list[str], first: int) -> RecordBlock:
        for name, place in zip(self.header, names, strict=True):
            lost = read[name].is_not_null() & texts[place].is_null()
            if lost.any():
                raise BadInput(
                    f"{self._name}, row {first + int(lost.arg_true()[0])}: {name!r} holds bytes that are not UTF-8",
                    "leave the column out of the file; or remove its field, with `unknown_columns: ignore`",
                )
        numbers = pl.int_range(first, first + texts.height, eager=True).alias("_line")
        frame = spelled(texts, self.header, self._contract).with_columns(numbers, as_csv(names).alias("_record"))
        broken = frame["_record"].str.contains("\0", literal=True)
        rejects = [
            Reject(line, "holds a NUL character", record.replace("\0", "\N{REPLACEMENT CHARACTER}")[:MAX_SHOWN])
            for line, record in frame.filter(broken).select("_line", "_record").rows()
        ]
        return RecordBlock(frame.filter(~broken), rejects)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
            raise self._unreadable(str(error).partition("\n")[0]) from error

    def _unreadable(self, why: str) -> BadInput:
        return BadInput(
            f"{self._name} cannot be read as a Parquet file ({why}); nothing of it was loaded",
            "transfer the file again and compare its size with the sender's, or have it written with plain types",
        )
