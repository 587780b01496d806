"""JSON lines: an object on each line, with the names of the columns as keys. Numbers keep their digits."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import polars as pl

from medallion.cleaner.evidence import Evidence
from medallion.cleaner.formats import expected_names
from medallion.cleaner.lines import MAX_SHOWN, LineBlock, Reject, line_blocks
from medallion.cleaner.records import RecordBlock
from medallion.config.contract import Contract
from medallion.config.sources.stream import Opened
from medallion.errors import BadInput, ContractViolation

_MOST_NAMED = 10
"""Keys that a reason or a message names."""


def read(source: Opened, contract: Contract, evidence: Evidence) -> JsonRecords:
    """Return the objects of JSON lines."""
    blocks = line_blocks(source.stream, codec=contract.codec, evidence=evidence)
    return JsonRecords(_checked(blocks, source.name), contract, source.name)


def find_keys(source: Opened, codec: str) -> list[str]:
    """Return the keys of all objects, in the order in which they appear. Lines that are none have no keys.

    Raises:
        BadInput: The file is no JSON lines.
    """
    keys: dict[str, None] = {}
    for block in _checked(line_blocks(source.stream, codec=codec), source.name):
        for line in block.lines.to_list():
            try:
                pairs = _DECODER.decode(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(pairs, _Object):
                keys.update(dict.fromkeys(key.strip() for key, _ in pairs))
    return list(keys)


class JsonRecords:
    """Objects as records; `medallion.cleaner.formats.Reading` says what each attribute is.

    The columns are those of the contract: there is no header, and an object may leave keys out.
    """

    def __init__(self, blocks: Iterable[LineBlock], contract: Contract, name: str) -> None:
        self._blocks, self._contract, self._name = blocks, contract, name
        self.header, self.header_line = expected_names(contract), 0
        self.done: Counter[str] = Counter()
        self.notes: list[str] = []
        self._places = {key: place for place, key in enumerate(self.header)}
        self._seen = [False] * len(self.header)

    def __iter__(self) -> Iterator[RecordBlock]:
        """Yield the objects, block by block.

        Raises:
            ContractViolation: No object has the key of a field.
        """
        rows = 0
        schema = {
            **{str(place): pl.String for place in range(len(self.header))},
            "_line": pl.Int64,
            "_record": pl.String,
        }
        for block in self._blocks:
            rejects: list[Reject] = []
            found = list(self._rows(block, rejects))
            rows += len(found)
            yield RecordBlock(pl.DataFrame(found, schema=schema, orient="row"), rejects)
        missing = [key for key, seen in zip(self.header, self._seen, strict=True) if not seen]
        if rows and missing and self._contract.missing_columns == "error":
            raise ContractViolation(
                f"{self._name}: no object has the key {_named(missing)}",
                "correct the file, or change the contract (`source` renames; `missing_columns: null` accepts it)",
            )

    def _rows(self, block: LineBlock, rejects: list[Reject]) -> Iterator[tuple[str | int | None, ...]]:
        for line, text in enumerate(block.lines.to_list(), block.first):
            written = text.removesuffix("\r")
            if not written.strip():
                continue
            values = block.bad[line] if line in block.bad else self._values(written)
            if isinstance(values, str):
                rejects.append(Reject(line, values, written[:MAX_SHOWN]))
            else:
                yield (*values, line, written)

    def _values(self, text: str) -> list[str | None] | str:
        """Return the values of a line, or why it is no record."""
        try:
            pairs = _DECODER.decode(text)
        except json.JSONDecodeError as error:
            return f"is not JSON: {error.msg}, at character {error.pos + 1}"
        except _ConstantError as error:
            return f"is not JSON: it holds {error}"
        except RecursionError:
            return "is nested too deeply"
        if not isinstance(pairs, _Object):
            return "is not a JSON object"
        row: list[str | None] = [None] * len(self.header)
        unknown: list[str] = []
        given: set[str] = set()
        for key, value in pairs:
            place = self._places.get(key)
            if place is None:  # as names in a header are trimmed
                key = key.strip()
                place = self._places.get(key)
            if key in given:
                return f"has the key {_named([key])} twice"
            given.add(key)
            if place is None:
                unknown.append(key)
                continue
            try:
                row[place] = _plain(value)
            except RecursionError:
                return "is nested too deeply"
            self._seen[place] = True
        if unknown and self._contract.unknown_columns == "error":
            return f"has the unknown key {_named(unknown)}"
        if "\\" in text and not all(_can_be_kept(value) for value in row):
            return "holds a character that Postgres cannot keep"
        return row


class _Object(list[tuple[str, Any]]):
    """An object as its pairs, in which a key may be twice."""


class _Number(str):
    """A number as it is written."""

    __slots__ = ()


class _ConstantError(ValueError):
    """`NaN` or `Infinity`, which JSON does not have."""


def _refuse(constant: str) -> None:
    raise _ConstantError(constant)


_DECODER = json.JSONDecoder(object_pairs_hook=_Object, parse_int=_Number, parse_float=_Number, parse_constant=_refuse)


def _plain(value: Any) -> str | None:
    """Return a value as text; objects and arrays as JSON."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return _json(value)


def _json(value: Any) -> str:
    if isinstance(value, _Object):
        return "{" + ", ".join(f"{_json(key)}: {_json(item)}" for key, item in value) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_json, value)) + "]"
    return value if isinstance(value, _Number) else json.dumps(value, ensure_ascii=False)


def _can_be_kept(value: str | None) -> bool:
    """Return whether a text has neither a NUL character nor half of a surrogate pair."""
    if value is None or "\0" in value:
        return value is None
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _named(keys: list[str]) -> str:
    shown = ", ".join(json.dumps(key)[:100] for key in keys[:_MOST_NAMED])
    return shown + (" …" if len(keys) > _MOST_NAMED else "")


def _checked(blocks: Iterator[LineBlock], name: str) -> Iterator[LineBlock]:
    """Yield blocks of a file that has an object on some of its first lines.

    Raises:
        BadInput: It has none, as a file of another format.
    """
    first = next(blocks, None)
    if first is None:
        return
    filled = [text.strip() for text in first.lines.head(1000).to_list() if text.strip()]
    if filled and filled[0] in ("{", "[{", "["):
        raise BadInput(
            f"{name} is one JSON document over several lines",
            "write an object on each line, as `jq -c . file.json` or `jq -c '.[]' file.json` does",
        )
    if filled and not any(text.startswith("{") for text in filled):
        raise BadInput(
            f"{name} is not JSON lines: none of its first lines begins with {{, as {filled[0][:60]!r}",
            "declare `dialect: {format: csv}` in the contract, with its delimiter, if the file is as it should be",
        )
    yield first
    yield from blocks
