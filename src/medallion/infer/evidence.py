"""What all rows of a file say about its columns, counted in one pass and in bounded memory."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import polars as pl

from medallion.cleaner.columns import labels
from medallion.cleaner.lines import line_blocks
from medallion.cleaner.records import Records
from medallion.cleaner.rules import TEXT, Column, compile_contract
from medallion.config.contract import Contract
from medallion.config.sources.csv import LocalFile
from medallion.config.sources.stream import opened
from medallion.config.table_limits import MAX_FIELDS
from medallion.errors import StepFailure
from medallion.infer.candidates import CANDIDATES, JUNK, MARKS, Candidate
from medallion.infer.dates import WAYS, Dates, looks_dated, readings
from medallion.infer.layout import Layout
from medallion.infer.no_rows import NoRows
from medallion.infer.refusal import HELP, NotTabular

_WORDS = 12
_HOPELESS = 100
_LOOKS = 50
_MOST_KEYS = 5_000_000
_KEY = re.compile(r"(?i:(^|[^a-z])(id|key)$)|I[dD]$")


@dataclass
class Miss:
    """Values that a candidate does not take: how many, and the first of them."""

    rows: int
    line: int
    value: str


@dataclass
class Seen:
    """A column: what its rows hold.

    Attributes:
        title: Its name in the header, which others may have too.
        label: How a contract's `source` names it.
        rows: Rows read.
        present: Rows with a value, marks included.
        marks: Words for "no value", junk among them, and their rows.
        padded: Rows that begin or end with white space, and the first line of them.
        longest: Characters of the longest value that is no mark.
        words: Its distinct values; None if they are many.
        misses: By candidate, what it does not take. A candidate that is not here takes everything.
        hopeless: Candidates that miss too much to be counted further.
        keys: Hashes of its values; None if it cannot be a key.
        judged: Whether candidates were tried on it.
        dates: What its values are as dates, if they look like some.
    """

    title: str
    label: str
    rows: int = 0
    present: int = 0
    marks: Counter[str] = field(default_factory=Counter)
    padded: Miss | None = None
    longest: int = 0
    words: set[str] | None = field(default_factory=set)
    misses: dict[Candidate, Miss] = field(default_factory=dict)
    hopeless: set[Candidate] = field(default_factory=set)
    keys: list[pl.Series] | None = None
    judged: bool = False
    dates: Dates | None = None

    def fits(self, candidate: Candidate) -> bool:
        """Return whether a candidate takes every value that is no mark."""
        return candidate not in self.misses and candidate not in self.hopeless

    @property
    def is_unique(self) -> bool:
        """Whether no value is there twice and none is missing."""
        if self.keys is None or not self.keys or self.present != self.rows or self.marks:
            return False
        return pl.concat(self.keys).n_unique() == self.rows


@dataclass(frozen=True)
class Evidence:
    """All columns, in the order of the file."""

    layout: Layout
    columns: tuple[Seen, ...]
    rows: int


class _Trial:
    """A candidate as the cleaner compiles it, for the column `0`."""

    def __init__(self, candidate: Candidate) -> None:
        self.candidate = candidate
        (self.column,) = _compiled(candidate.terms)
        text = pl.col(TEXT)
        broken = [self.column.refused, ~text.str.contains(f"^(?:{candidate.keeps})$")]
        if candidate.loses:
            broken.append(text.str.contains(f"^(?:{candidate.loses})$"))
        self.broken = pl.any_horizontal(broken).fill_null(False)
        self.looks = re.compile(candidate.keeps)


@cache
def _trials() -> tuple[_Trial, ...]:
    return tuple(_Trial(candidate) for candidate in CANDIDATES)


def _compiled(terms: dict[str, object]) -> list[Column]:
    one = {"name": "c", "source": "c", "missingValues": ["", *MARKS, *JUNK], **terms}
    return compile_contract(Contract.model_validate({"name": "t", "table": "t.t", "fields": [one]}), ["c"])


def gather(path: Path, layout: Layout) -> Evidence:
    """Read every row of a file and count what fits.

    Args:
        path: A CSV file, plain or gzipped.
        layout: Where its values are.

    Raises:
        NotTabular: It cannot be read, or has no rows.
    """
    trials = _trials()
    unnamed = [] if layout.header_line else [f"column_{place}" for place in range(1, layout.width + 1)]
    try:
        with opened(LocalFile(path, path.name)) as input_:
            dialect = layout.dialect
            lines = line_blocks(input_.stream, codec=layout.encoding, end=dialect.line_end.encode())
            records = Records(lines, dialect, unnamed)
            columns = [
                Seen(title.strip(), label, keys=[] if _KEY.search(title.strip()) else None)
                for title, label in zip(records.header, labels(records.header), strict=True)
            ]
            if len(columns) > MAX_FIELDS:
                raise NotTabular(
                    f"{path} has {len(columns):,} columns, and a table holds {MAX_FIELDS:,} besides Medallion's "
                    f"own — split the file, {HELP}"
                )
            rows, others = 0, NoRows(layout.delimiter)
            for block in records:
                rows += block.frame.height
                others.add(block)
                for place, seen in enumerate(columns):
                    _count(seen, block.frame, str(place), trials)
    except StepFailure as failure:
        raise NotTabular(f"{path}: {failure.message} — {failure.remedy}, {HELP}") from failure
    terms, notes = others.terms()
    if not terms.keys() <= layout.terms.keys():
        return gather(path, replace(layout, terms={**layout.terms, **terms}, notes=(*layout.notes, *notes)))
    if not rows:
        raise NotTabular(f"{path} has a header and no rows to guess from — take a file with rows, {HELP}")
    return Evidence(layout, tuple(columns), rows)


def _count(seen: Seen, frame: pl.DataFrame, name: str, trials: tuple[_Trial, ...]) -> None:
    """Add the values of a block to what is known of a column."""
    if frame.is_empty():
        return
    counts = frame[name].alias("0").value_counts(name="rows")
    texts = counts.select(trials[0].column.text, pl.col("0").str.strip_chars().alias("trimmed"), "rows", "0")
    filled = texts.filter(pl.col("trimmed") != "")
    seen.rows += frame.height
    seen.present += int(filled["rows"].sum())
    for word, rows in filled.filter(pl.col(TEXT).is_null()).select("trimmed", "rows").rows():
        seen.marks[word] += rows
    _note_padding(seen, filled, frame, name)
    _note_words(seen, filled["trimmed"])
    if seen.keys is not None:
        repeated = int(filled["rows"].max() or 1) > 1 or seen.rows > _MOST_KEYS  # type: ignore[arg-type]
        seen.keys = None if repeated else [*seen.keys, filled["trimmed"].hash()]
    values = filled.filter(pl.col(TEXT).is_not_null())
    seen.longest = max(seen.longest, _number(values[TEXT].str.len_chars().max()))
    if not values.is_empty() and not seen.judged:
        _look(seen, values, frame, name, trials)
    if seen.dates is not None:
        _note_dates(seen.dates, values, frame, name)
    alive = [trial for trial in trials if trial.candidate not in seen.hopeless]
    if values.is_empty() or not alive:
        return
    judged = values.select("0", "rows", *(trial.broken.alias(str(place)) for place, trial in enumerate(alive, 1)))
    missed = judged.select(pl.all().exclude("0", "rows").any()).row(0)
    for place, (trial, misses) in enumerate(zip(alive, missed, strict=True), 1):
        if misses:
            _note_miss(seen, trial.candidate, judged.filter(str(place)), frame, name)


def _look(seen: Seen, values: pl.DataFrame, frame: pl.DataFrame, name: str, trials: tuple[_Trial, ...]) -> None:
    """Give up what hardly fits the first values: a look at them is cheaper than a trial of a whole block."""
    seen.judged = True
    first = values.head(_LOOKS).select("0", TEXT, "rows").rows()
    seen.dates = Dates() if looks_dated([text for _, text, _ in first]) else None
    lines = _lines([raw for raw, _, _ in first], frame, name)
    for trial in trials:
        missed = [(lines[raw], raw, rows) for raw, text, rows in first if trial.looks.fullmatch(text) is None]
        if 2 * len(missed) > len(first):
            line, value, _ = min(missed)
            seen.misses[trial.candidate] = Miss(sum(rows for _, _, rows in missed), line, value)
            seen.hopeless.add(trial.candidate)


def _note_dates(dates: Dates, values: pl.DataFrame, frame: pl.DataFrame, name: str) -> None:
    """Count the values by the way in which they are written, and note a first one that a format does not take."""
    left = values
    for way in WAYS:
        inside = left.filter(pl.col(TEXT).str.contains(way.shape))
        if inside.is_empty():
            continue
        left = left.filter(~pl.col(TEXT).str.contains(way.shape))
        dates.add(way, int(inside["rows"].sum()))
        for pattern in dates.fitting(way):
            wrong = inside.filter(_refused(pattern))
            if not wrong.is_empty():
                dates.wrong[pattern] = _first(wrong, frame, name)
    dates.others += int(left["rows"].sum())


@cache
def _refused(pattern: str) -> pl.Expr:
    (column,) = _compiled(readings()[pattern].terms)
    return column.refused.fill_null(False)


def _lines(values: list[str], frame: pl.DataFrame, name: str) -> dict[str, int]:
    """Return the first line of each value."""
    found = frame.select(name, "_line").filter(pl.col(name).is_in(values))
    return dict(found.group_by(name).agg(pl.col("_line").min()).rows())


def _note_padding(seen: Seen, filled: pl.DataFrame, frame: pl.DataFrame, name: str) -> None:
    padded = filled.filter(pl.col("0") != pl.col("trimmed"))
    if not padded.is_empty():
        rows = int(padded["rows"].sum())
        seen.padded = seen.padded or Miss(0, *_first(padded, frame, name))
        seen.padded.rows += rows


def _note_words(seen: Seen, trimmed: pl.Series) -> None:
    if seen.words is not None:
        distinct = trimmed.unique()
        seen.words = None if distinct.len() > _WORDS else seen.words | set(distinct.to_list())
        if seen.words is not None and len(seen.words) > _WORDS:
            seen.words = None


def _note_miss(seen: Seen, candidate: Candidate, missed: pl.DataFrame, frame: pl.DataFrame, name: str) -> None:
    miss = seen.misses.get(candidate)
    if miss is None:
        miss = seen.misses[candidate] = Miss(0, *_first(missed, frame, name))
    miss.rows += int(missed["rows"].sum())
    if miss.rows > _HOPELESS and 10 * miss.rows > seen.present:
        seen.hopeless.add(candidate)


def _first(found: pl.DataFrame, frame: pl.DataFrame, name: str) -> tuple[int, str]:
    """Return the first line with one of some values, and the value."""
    return min((line, value) for value, line in _lines(found["0"].to_list(), frame, name).items())


def _number(value: object) -> int:
    return int(value) if isinstance(value, int) else 0
