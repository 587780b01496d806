"""Files that are no delimited text: which format they are in, and their records with all columns."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from medallion.cleaner.columns import labels
from medallion.cleaner.evidence import Evidence
from medallion.cleaner.first_bytes import find_format
from medallion.cleaner.formats import Reading, read_records
from medallion.config.contract import Contract
from medallion.config.formats import FORMATS
from medallion.config.sources.csv import LocalFile
from medallion.config.sources.stream import Opened, opened
from medallion.config.table_limits import MAX_FIELDS
from medallion.errors import StepFailure
from medallion.infer.refusal import HELP, NotTabular

_INSTANT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T"


def find_other(path: Path, header_row: int | None, encoding: str | None, sheet: str | None = None) -> str | None:
    """Return the format of a file that is no delimited text; None for text of other kinds.

    Args:
        path: The file, plain or compressed.
        header_row: What a person says of its header.
        encoding: What a person says of its encoding.
        sheet: What a person says of its sheet.

    Raises:
        NotTabular: It cannot be opened, or its format has no such thing.
    """
    try:
        with opened(LocalFile(path, path.name)) as input_:
            other = find_format(input_)
            head = input_.stream.peek(1 << 10)
    except StepFailure as failure:
        raise NotTabular(f"{failure.message} — {failure.remedy}, {HELP}") from failure
    if other is None and head.lstrip(b"\xef\xbb\xbf \t\r\n").partition(b"\n")[0].strip() in (b"{", b"[{", b"["):
        raise NotTabular(
            f"{path.name} is one JSON document over several lines — write an object on each line, as `jq -c . "
            f"file.json` or `jq -c '.[]' file.json` does, {HELP}"
        )
    called = FORMATS[other].called if other else "text"
    if sheet is not None and other != "xlsx":
        raise NotTabular(f"{path.name} is {called}, which has no sheets — leave --sheet out")
    if other is None:
        return None
    if encoding is not None and not FORMATS[other].is_text:
        raise NotTabular(f"{path.name} is {called}, which has no encoding — leave --encoding out")
    if header_row is not None and other != "xlsx":
        raise NotTabular(f"{path.name} is {called}, in which no row names the columns — leave --header-row out")
    return other


def read_other(path: Path, source: Opened, dialect: Mapping[str, Any], codec: str, unnamed: Sequence[str]) -> Reading:
    """Return the records of a file, with all columns that it has.

    Args:
        path: The file.
        source: The same, open.
        dialect: Its format, and more of its dialect, in the keys of a contract.
        codec: The encoding of text.
        unnamed: Names for the columns of a file whose header no row has.

    Raises:
        StepFailure: It cannot be read.
        NotTabular: Its columns have no names that a contract can give.
    """
    names, instants = list(unnamed) or ["any"], set[str]()
    with opened(LocalFile(path, path.name)) as another:
        if dialect["format"] == "jsonl":
            from medallion.cleaner.formats.jsonl import find_keys

            names = find_keys(another, codec)
            if not 0 < len(names) <= MAX_FIELDS:
                have = f"the objects have {len(names):,} keys" if names else "no object has a key"
                raise NotTabular(f"{path}: {have}, and a table has 1 to {MAX_FIELDS:,} columns — correct it, {HELP}")
        elif dialect["format"] == "xlsx":
            first = read_records(another, _contract(path, dialect, names, codec), Evidence(codec))
            instants = set(_find_instants(first))
            names = list(unnamed) or sorted(instants) or names
    return read_records(source, _contract(path, dialect, names, codec, instants), Evidence(codec))


def _find_instants(records: Reading) -> Iterator[str]:
    """Yield the columns of a sheet in which some cell has a time: a midnight among them has the text of a day."""
    named = {str(place): name for place, name in enumerate(labels(records.header)) if name}
    for block in records:
        for place, name in named.items():
            if block.frame[place].str.contains(_INSTANT).any():
                yield name


def _contract(
    path: Path, dialect: Mapping[str, Any], names: Sequence[str], codec: str, instants: Collection[str] = ()
) -> Contract:
    """Return a contract under which all columns are read as text, those of instants with their times."""
    is_text = FORMATS[dialect["format"]].is_text
    terms: dict[str, Any] = {"dialect": dict(dialect), "missing_columns": "null"}
    if is_text:
        terms |= {"encoding": codec, "unknown_columns": "ignore"}
    fields = [
        {"name": f"column_{place}", "source": name, **({"type": "datetime"} if name in instants else {})}
        for place, name in enumerate(names)
    ]
    try:
        return Contract.model_validate({"name": "guess", "table": "guess.guess", "fields": fields, **terms})
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        raise NotTabular(f"{path}: a column has no name that a contract can give: {problem['msg']}, {HELP}") from error
