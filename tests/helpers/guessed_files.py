"""Generated CSV files, with what each value means: what a contract of `medallion new` must not change.

Nothing here uses Medallion, so that agreement means something.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

Cell = tuple[str, Any]
"""The text in the file, and what it means: itself, or a number, date or truth."""


@dataclass(frozen=True)
class File:
    """A file's bytes, its rows by their first line, and the lines that are no row of it.

    `key` is whether the pairs of its first two columns are an order and a line of it, each pair once.
    """

    data: bytes
    rows: dict[int, list[Cell]]
    broken: frozenset[int]
    key: bool = False


def _texts(*texts: str) -> st.SearchStrategy[Cell]:
    return st.sampled_from([(text, text) for text in texts])


def _same(strategy: st.SearchStrategy[str]) -> st.SearchStrategy[Cell]:
    return strategy.map(lambda text: (text, text))


def _number(numbers: st.SearchStrategy[Decimal], group: str, point: str) -> st.SearchStrategy[Cell]:
    def write(number: Decimal) -> Cell:
        text = f"{number:,f}" if group else f"{number:f}"
        return text.translate({ord(","): group, ord("."): point}), number

    return numbers.map(write)


def _unit(numbers: st.SearchStrategy[Decimal], form: str, negative: str = "") -> st.SearchStrategy[Cell]:
    """Numbers in a form with `{number}`, and `{sign}` for a minus or nothing; or negative ones in another form."""

    def write(number: Decimal) -> Cell:
        if negative and number < 0:
            return negative.format(number=-number), number
        if "{sign}" not in form and not negative:
            return form.format(number=number), number
        return form.format(sign="-" if number < 0 else "", number=abs(number)), number

    return numbers.filter(lambda number: number != 0).map(write)


def _dated(pattern: str, exact: timedelta) -> st.SearchStrategy[Cell]:
    def write(moment: datetime) -> Cell:
        moment -= (moment - datetime.min) % exact
        return moment.strftime(pattern), moment.date() if exact == timedelta(days=1) else moment

    return st.datetimes(datetime(1970, 1, 1), datetime(2067, 12, 31)).map(write)


DAY, MINUTE, SECOND, MICRO = timedelta(days=1), timedelta(minutes=1), timedelta(seconds=1), timedelta(microseconds=1)
decimals = st.decimals(min_value=-(10**9), max_value=10**9, places=2)
amounts = st.decimals(min_value=0, max_value=10**7, places=2)
text = st.text(st.sampled_from("abcXYZ äß€ '\"|;,.-#:{}[]&*!%@`\\/\n"), max_size=12).map(str.strip)

KINDS: dict[str, st.SearchStrategy[Cell]] = {
    "whole": st.integers(-(10**6), 10**6).map(lambda number: (str(number), number)),
    "bigint": st.integers(10**15, 2**63 - 1).map(lambda number: (str(number), number)),
    "longer": _same(st.integers(10**18, 10**40).map(str)),
    "zeros": _same(st.integers(0, 99999).map(lambda number: f"{number:05}")),
    "plus": _same(st.integers(10**6, 10**9).map(lambda number: f"+{number}")),
    "signed": _same(st.integers(-5, 5).map(lambda number: f"{number:+}")),
    "decimal": _number(decimals, "", "."),
    "rate": _number(st.decimals(min_value=0, max_value=9, places=6), "", "."),
    "thousandths": _number(st.decimals(min_value=0, max_value=9999, places=3), "", "."),
    "comma": _number(amounts, "", ","),
    "german": _number(amounts, ".", ","),
    "english": _number(amounts, ",", "."),
    "swiss": _number(amounts, "'", "."),
    "french": _number(amounts, " ", ","),
    "grouped whole": st.integers(1, 10**8).map(lambda number: (f"{number:,}", number)),
    "list": _same(st.lists(st.integers(100, 999), min_size=1, max_size=4).map(lambda codes: ",".join(map(str, codes)))),
    "float": st.floats(allow_nan=False, allow_infinity=False, width=32).map(lambda number: (repr(number), Decimal(repr(number)))),
    "exponent": _same(st.integers(1, 99).map(lambda number: f"{number}E{number % 7}")),
    "version": st.tuples(st.integers(1, 3), st.integers(0, 20)).map(lambda two: (f"{two[0]}.{two[1]}", Decimal(f"{two[0]}.{two[1]}"))),
    "percent": st.integers(0, 100).map(lambda number: (f"{number}%", number)),
    "currency": _unit(decimals, "{sign}${number:,.2f}"),
    "minus behind the currency": _unit(decimals, "$ {sign}{number:.2f}"),
    "code of a currency": _unit(amounts, "EUR {number:,.2f}"),
    "behind": _unit(amounts, "{number:.2f} kg"),
    "squares": _unit(amounts, "{number:.2f} m²"),
    "accounting": _unit(decimals, "{number:.2f}", "({number:.2f})"),
    "accounting in dollars": _unit(decimals, "${number:,.2f}", "(${number:,.2f})"),
    # Of one currency or unit alone it is a number.
    "two currencies": st.tuples(st.sampled_from("$€"), st.integers(1, 99)).map(lambda two: (f"{two[0]}{two[1]}", Decimal(two[1]))),
    "some with a unit": st.tuples(st.integers(1, 99), st.sampled_from(["", " kg", " lb"])).map(lambda two: (f"{two[0]}{two[1]}", two[0])),
    "seat": _same(st.tuples(st.integers(1, 40), st.sampled_from("ABCD")).map(lambda two: f"{two[0]}{two[1]}")),
    "grade": _texts("K", "1", "2", "3", "10"),
    "zero or one": st.sampled_from([("0", 0), ("1", 1)]),
    "truth": st.sampled_from([("true", True), ("false", False)]),
    "Truth": st.sampled_from([("True", True), ("FALSE", False)]),
    "Y/N": st.sampled_from([("Y", True), ("N", False)]),
    "t/f": st.sampled_from([("t", True), ("f", False)]),
    "F/M": _texts("F", "M"),
    "F": _texts("F"),
    "T/F": _texts("T", "F"),
    "country": _texts("US", "DE", "NA"),
    "surname": _texts("Null", "Smith", "None", "True"),
    "dash": _texts("-"),
    "ISO day": _dated("%Y-%m-%d", DAY),
    "day first": _dated("%d/%m/%Y", DAY),
    "month first": _dated("%m/%d/%Y", DAY),
    "day.": _dated("%d.%m.%Y", DAY),
    "short year": _dated("%d/%m/%y", DAY),
    "digits of a day": _dated("%Y%m%d", DAY).map(lambda cell: (cell[0], int(cell[0]))),
    "moment": _dated("%Y-%m-%d %H:%M:%S", SECOND),
    "moment T": _dated("%Y-%m-%dT%H:%M:%S.%f", MICRO),
    "moment Z": _dated("%Y-%m-%dT%H:%M:%SZ", SECOND),
    "minute": _dated("%d.%m.%Y %H:%M", MINUTE),
    "half day": _dated("%m/%d/%Y %I:%M:%S %p", SECOND),
    "name of a month": _dated("%d %b %Y", DAY),
    "mixed days": st.one_of(_dated("%Y-%m-%d", DAY), _dated("%d/%m/%Y", DAY), _dated("%d.%m.%Y", DAY)),
    "mixed truths": st.sampled_from([("true", True), ("FALSE", False), ("yes", True), ("n", False), ("1", True)]),
    "offset": _dated("%Y-%m-%dT%H:%M:%S+02:00", SECOND).map(
        lambda cell: (cell[0], cell[1].replace(tzinfo=timezone(timedelta(hours=2))).astimezone(timezone.utc).replace(tzinfo=None))
    ),
    "text": _same(text),
    "empty": _texts(""),
}  # fmt: skip
odd = st.one_of(
    _texts(
        "",
        "",
        "",
        "NA",
        "N/A",
        "null",
        "-",
        "?",
        "ERROR",
        "Unknown",
        "#REF!",
        "tbd",
        "...",
        "soon",
        "Total",
        "07104",
        "2024-02-30",
        "1e5",
        " 5 ",
    ),
    st.sampled_from([("0.123456", Decimal("0.123456")), ("12,5", Decimal("12.5"))]),
)
junk = st.sampled_from(["ERROR", "$$$", "--", "?", "see note", "not yet", "N/A", "n.b."])
name = st.one_of(
    st.sampled_from(["id", "Zip", "Region", "Region ", "", "order", "no", "xmin", "Größe", "a, b", 'say "x"', "c: #d"]),
    st.text(st.sampled_from("abcABC _-ü\n"), min_size=1, max_size=70),
)


@st.composite
def files(draw: st.DrawFn) -> File:
    """Files of some columns, each of one kind but for some odd values, below titles and above a total maybe."""
    delimiter = draw(st.sampled_from(",;\t|"))
    columns = draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=6))
    header = draw(st.lists(name, min_size=len(columns), max_size=len(columns)))
    count = draw(st.one_of(st.integers(1, 30), st.just(1200)))
    drawn = [draw(st.lists(KINDS[kind], min_size=1, max_size=min(count, 12))) for kind in columns]
    rows = [[cells[row % len(cells)] for cells in drawn] for row in range(count)]
    if draw(st.booleans()):
        word, every, place = draw(junk), draw(st.sampled_from([25, 40, 90])), draw(st.integers(0, 5)) % len(columns)
        for row in rows[every::every]:
            row[place] = (word, word)
    key = draw(st.booleans())
    if key:
        header = ["order_id", "line", *header]
        rows = [
            [(f"{7000 + row // 3}", 7000 + row // 3), (f"{row % 3 + 1}", row % 3 + 1), *cells]
            for row, cells in enumerate(rows)
        ]
    for place, row, cell in draw(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 1200), odd), max_size=3)):
        # Towards the end of the file, where a sample does not come.
        rows[-1 - row % min(count, 30)][place % len(columns) + 2 * key] = cell
    return replace(_written(draw, delimiter, header, rows), key=key and count >= 100)


def _written(draw: st.DrawFn, delimiter: str, header: list[str], rows: list[list[Cell]]) -> File:
    end = draw(st.sampled_from(["\n", "\r\n"]))
    quoting = csv.QUOTE_ALL if len(header) == 1 or draw(st.booleans()) else csv.QUOTE_MINIMAL

    def record(values: list[str]) -> str:
        out = io.StringIO()
        csv.writer(out, delimiter=delimiter, lineterminator=end, quoting=quoting).writerow(values)
        return out.getvalue()

    # In one column a title is a header like any other, and each line is a record.
    most = 2 if len(header) > 1 else 0
    titles = draw(st.lists(st.sampled_from(["Report", "", "Created 2024-04-02"]), max_size=most))
    parts = [title + delimiter * draw(st.sampled_from([0, len(header) - 1])) + end for title in titles]
    parts.append(record(header))
    line = 1 + "".join(parts).count("\n")
    astray = draw(st.sets(st.integers(0, len(rows)), max_size=most))
    lines: dict[int, list[Cell]] = {}
    broken = set()
    for place, row in enumerate(rows):
        if place in astray:
            broken.add(line)
            parts.append(delimiter.join("x" * (len(header) + 1)) + end)
            line += 1
        lines[line] = row
        parts.append(record([cell for cell, _ in row]))
        line += parts[-1].count("\n")
    body = "".join(parts)
    body = body.removesuffix(end) if draw(st.booleans()) else body
    mark = "\ufeff" if draw(st.booleans()) else ""
    return File((mark + body).encode(), lines, frozenset(broken))
