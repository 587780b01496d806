"""Which line names the columns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise, takewhile
from pathlib import Path

from medallion.infer.refusal import HELP, NotTabular
from medallion.infer.shape import Shape

_DESCRIPTIONS, _ROWS, _VALUED, _ALMOST = 4, 10, 2, 0.9
"""Records that may describe columns; values below them, and columns of values, at least; and the share of values."""
_BLANK_NAMES = 2
"""Names that a header leaves blank, at least, for a second line of names."""
_FEW_YEARS = 2
_YEAR = re.compile("(?:19|20)[0-9]{2}")
_VALUE = re.compile(r"[+-]?[0-9][0-9.,]*%?|[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}([ T].*)?|\S+@\S+\.\S+")


def header_line_of(shape: Shape, path: Path) -> int:
    """Return the line of the first full record, if all that stands above it are titles."""
    width = shape.width
    if not any(values for _, values in shape.records):
        raise NotTabular(f"{path}: no line of it can be read as a record — correct its quotes, {HELP}")
    line, names = shape.records[0]
    thin = width > 1 and _filled(names) <= max(1, width // 4)
    if len(names) != width or (thin and not has_second_line(shape, line)):
        line, names = _below_titles(shape, path)
    found = next((value.strip() for value in names if _VALUE.fullmatch(value.strip())), None)
    if found is not None and _are_years(names, [values for number, values in shape.records if number > line]):
        return line
    if found is not None:
        raise NotTabular(
            f"{path}, line {line}: {found[:40]!r} looks like a value, not like the name of a column — if it is a "
            f"name, say so with --header-row {line}; if no line names the columns, with --header-row 0, {HELP}"
        )
    return line


def has_second_line(shape: Shape, line: int) -> bool:
    """Return whether the line below the header names columns too, as in exports of surveys.

    It has a name for each column that the header leaves blank, no value, and a word where numbers or dates follow.
    """
    below = [record for record in shape.records if record[0] >= line]
    if len(below) < 3 or below[1][0] != line + 1 or len(below[1][1]) != shape.width:
        return False
    names, second = ([value.strip() for value in values] for _, values in below[:2])
    blank = [place for place, name in enumerate(names) if not name]
    if len(blank) < _BLANK_NAMES or not all(second[place] for place in blank) or any(map(_VALUE.fullmatch, second)):
        return False
    rows = [values for _, values in below[2:] if len(values) == shape.width]
    columns = ([value.strip() for value in column if value.strip()] for column in zip(*rows, strict=True))
    return any(
        word and column and 2 * sum(_VALUE.fullmatch(value) is not None for value in column) > len(column)
        for word, column in zip(second, columns, strict=True)
    )


def descriptions(shape: Shape, line: int) -> list[tuple[int, str]]:
    """Return the records right below the header that describe its columns, as units or questions: line and first value.

    They have a word in each column in which numbers or dates follow.
    """
    below = [record for record in shape.records if record[0] > line and len(record[1]) == shape.width]
    rows = [[value.strip() for value in values] for _, values in below]
    columns = [[value for value in column if value] for column in zip(*rows[_DESCRIPTIONS:], strict=True)]
    dated = [
        place
        for place, column in enumerate(columns)
        if len(column) >= _ROWS and sum(_VALUE.fullmatch(value) is not None for value in column) > _ALMOST * len(column)
    ]
    found: list[tuple[int, str]] = []
    for (number, _), row in zip(below[:_DESCRIPTIONS], rows, strict=False):
        if len(dated) < _VALUED or not row[0] or any(not row[place] or _VALUE.fullmatch(row[place]) for place in dated):
            break
        found.append((number, row[0]))
    firsts = [values[0].strip() for number, values in shape.records if number == line]
    firsts += [row[0] for row in rows[len(found) :]]
    return [] if any(first in firsts for _, first in found) else found


def _are_years(names: list[str], rows: Sequence[list[str]]) -> bool:
    """Return whether the names that look like values are years in order, and no years stand below them."""
    places = [place for place, name in enumerate(names) if _VALUE.fullmatch(name.strip())]
    years = [int(names[place]) for place in places if _YEAR.fullmatch(names[place].strip())]
    if len(years) < len(places) or len(places) == len(names) or any(b <= a for a, b in pairwise(years)):
        return False
    below = [values[place].strip() for values in rows if len(values) == len(names) for place in places]
    return len(years) > _FEW_YEARS or not any(map(_YEAR.fullmatch, below))


def _below_titles(shape: Shape, path: Path) -> tuple[int, list[str]]:
    """Return the first full record that only titles stand above; or the first, if values follow it at once."""
    width, (line, names) = shape.width, shape.records[0]
    titles = list(takewhile(lambda record: not _is_full(record[1], width), shape.records))
    below = shape.records[len(titles) :][:1]
    rows = [values for _, values in shape.records[len(titles) + 1 :]]
    if below and (_are_years(below[0][1], rows) or not any(_VALUE.fullmatch(value.strip()) for value in below[0][1])):
        as_wide = any(len(values) == width for _, values in titles)
        if as_wide and not _holds_values(shape.records[len(titles) + 1 :], width):
            pass  # A row of titles or a header with blank names: where all values are text, nothing distinguishes them.
        elif all(_is_title(values, width) for _, values in titles):
            return below[0]
    elif len(titles) == 1 and len(names) == width and _filled(names):
        return line, names
    fuller = f", such as {below[0][0]}" if below else ""
    raise NotTabular(
        f"{path}, line {line}: the header is in doubt: the line has {_filled(names)} names in {len(names)} columns, "
        f"and most lines have {width} values — correct the header, say with --header-row which line it is{fuller}, "
        f"{HELP}"
    )


def _holds_values(records: Sequence[tuple[int, list[str]]], width: int) -> bool:
    """Return whether some column of these records mostly holds numbers, dates, or the like, as a name never does."""
    rows = [values for _, values in records if len(values) == width]
    columns = ([value.strip() for value in column if value.strip()] for column in zip(*rows, strict=True))
    return any(sum(_VALUE.fullmatch(value) is not None for value in column) > len(column) / 2 for column in columns)


def _is_full(values: list[str], width: int) -> bool:
    return len(values) == width and _filled(values) > width / 2


def _is_title(values: list[str], width: int) -> bool:
    return _filled(values) <= 2 and (_filled(values) < width / 2 or (values or [""])[0].startswith("#"))


def _filled(values: list[str]) -> int:
    return sum(bool(value.strip()) for value in values)
