"""Thousands of spellings of each type: the cleaner and an independent reading agree, value by value.

`MEDALLION_FUZZ=20` tries twenty times as many, and `MEDALLION_SEED` repeats a run that failed.
"""

from __future__ import annotations

import csv
import io
import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta, timezone
from decimal import Context, Decimal
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest

import independent_values as independent
from medallion.cleaner.clean import Cleaner
from medallion.cleaner.records import RecordBlock
from medallion.cleaner.rules import compile_contract
from medallion.config.contract import Contract

pytestmark = pytest.mark.fuzz
TIMES = int(os.environ.get("MEDALLION_FUZZ", "1"))
SEED = int(os.environ.get("MEDALLION_SEED", "20261125"))
FIELDS, TEXTS = 60, 60
"""Fields of each type, and spellings under each."""
SPACES = ["", " ", "  ", "\t", "\N{NO-BREAK SPACE}", "\N{NARROW NO-BREAK SPACE}", "\r", "\N{IDEOGRAPHIC SPACE}"]
ZONES = [ZoneInfo(name) for name in ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC")]
Spell = Callable[[random.Random, dict[str, Any]], str]


def load(field: dict[str, Any], texts: list[str]) -> list[tuple[str | None] | None]:
    """The text that Postgres gets for each spelling, in a tuple; None for a rejected row."""
    contract = Contract.model_validate({"name": "c", "table": "s.t", "fields": [{**field, "name": "v"}]})
    frame = pl.DataFrame(
        {"0": texts, "_line": range(len(texts)), "_record": texts}, schema_overrides={"_line": pl.Int64}
    )
    done = Cleaner(compile_contract(contract, ["v"])).clean(RecordBlock(frame))
    loaded: list[tuple[str | None] | None] = [None] * len(texts)
    for row in rows_of(done.rows_csv.decode()):
        loaded[int(row[1] or "")] = (row[0],)
    assert done.loaded + done.rejected == len(texts)
    assert done.loaded == sum(one is not None for one in loaded)
    return loaded


def rows_of(text: str) -> Iterator[list[str | None]]:
    """Postgres' reading of CSV: an empty value without quotes is null."""
    for line, row in zip(split_lines(text), csv.reader(io.StringIO(text, newline=""), strict=True), strict=True):
        yield [None if row[0] == "" and not line.startswith('"') else row[0], row[1]]


def split_lines(text: str) -> Iterator[str]:
    begin, inside = 0, False
    for at, one in enumerate(text):
        inside ^= one == '"'
        if one == "\n" and not inside:
            yield text[begin : at + 1]
            begin = at + 1


def typed(field: dict[str, Any], text: str | None) -> Any:
    """What Postgres makes of it."""
    kind = field.get("type", "string")
    if text is None or kind == "string":
        return text
    if kind == "integer":
        return int(text)
    if kind == "number":
        places = field.get("decimals")
        value = Decimal(text)
        return (
            value if places is None else value.quantize(Decimal(1).scaleb(-places), "ROUND_HALF_UP", Context(prec=100))
        )
    if kind == "boolean":
        return {"true": True, "false": False}[text]
    return date.fromisoformat(text) if kind == "date" else datetime.fromisoformat(text)


def digits(r: random.Random, most: int) -> str:
    return "".join(r.choice("0123456789") for _ in range(r.randint(1, most)))


def spell_number(r: random.Random, field: dict[str, Any]) -> str:
    point, group = field.get("decimalChar", "."), field.get("groupChar") or ","
    units = str(r.choice([r.randint(0, 9), r.randint(0, 10**6), r.randint(0, 2**63 - 1), 2**63 - 1, 2**63, 10**37, 0]))
    if r.random() < 0.4:
        units = f"{int(units):,}".replace(",", r.choice([group, group, ",", ".", " ", "'", "\N{NO-BREAK SPACE}"]))
    if r.random() < 0.15:
        units = r.choice(["0", "00", ""]) + units
    places = r.choice(["", "", point, point + digits(r, 6), r.choice(".,") + digits(r, 3), point + "000", ".000"])
    text = r.choice(["", "", "", "-", "+", "--", "−", "⁻", "➖", "\N{SOFT HYPHEN}"]) + units + places
    if r.random() < 0.1:
        text += r.choice(["e5", "E-3", "e+2", "e", "e100", "%", " kg", "USD", "²", "½"])
    if r.random() < 0.2:
        text = (
            r.choice(["$", "€ ", "-$", "$-", "($", "(", "£", "CHF ", "~"]) + text + r.choice(["", ")", "-", " €", "%"])
        )
    if r.random() < 0.08:
        text = r.choice(
            [
                "NaN",
                "inf",
                "Infinity",
                "١٢",
                "１２",
                "1_000",
                "0x1F",
                "1 2",
                "1-2",
                "",
                "N/A",
                "1e",
                ".",
                "-",
                "½",
                "$",
                "€",
                "( £",
            ]
        )
    return r.choice(SPACES[:3] * 4 + SPACES) + text + r.choice(SPACES[:3] * 4 + SPACES)


def spell_boolean(r: random.Random, field: dict[str, Any]) -> str:
    words = [
        *field.get("trueValues", ["true", "1"]),
        *field.get("falseValues", ["false", "0"]),
        "T",
        "on",
        "2",
        "",
        "N/A",
    ]
    word = r.choice(words)
    return r.choice(SPACES) + r.choice([word, word, word.upper(), word.title(), word + "x"]) + r.choice(SPACES)


def spell_text(r: random.Random, field: dict[str, Any]) -> str:
    return "".join(r.choice(["a", "B", "é", "ß", " ", "\N{NO-BREAK SPACE}", "\t", "\n", '"', ",", "\\.", "\r", "1", "N/A", "(", "$", "e\N{COMBINING ACUTE ACCENT}", "\N{ZERO WIDTH SPACE}", "\ufeff"]) for _ in range(r.randint(0, 6)))  # fmt: skip


def spell_instant(r: random.Random, field: dict[str, Any]) -> str:
    formats = field.get("format") or ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d"]
    pattern = r.choice([formats] if isinstance(formats, str) else formats)
    moment = (
        near_a_change_of_clocks(r) if "%z" in pattern else datetime(1000, 1, 1) + timedelta(seconds=r.random() * 2.8e11)
    )
    if r.random() < 0.5:
        moment = moment.replace(year=r.randint(1969, 2068)) if (moment.month, moment.day) != (2, 29) else moment
    if field["type"] == "date" and r.random() < 0.7:
        moment = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    text = moment.strftime(pattern)
    if "%z" in pattern and r.random() < 0.5:
        text = text[:-2] + r.choice([":" + text[-2:], text[-2:], "", "99"])
    return spoilt(r, text) if r.random() < 0.55 else text


def near_a_change_of_clocks(r: random.Random) -> datetime:
    """An instant within two hours of a change of clocks, as a wall clock there shows it."""
    change = r.choice([datetime(2024, 3, 31, 1), datetime(2024, 10, 27, 1), datetime(2024, 3, 10, 7), datetime(2024, 11, 3, 6),
                       datetime(2024, 4, 6, 15), datetime(2024, 10, 5, 15, 30)])  # fmt: skip
    moment = change.replace(tzinfo=timezone.utc) + timedelta(microseconds=r.randint(-7200 * 10**6, 7200 * 10**6))
    return moment.astimezone(r.choice(ZONES))


def spoilt(r: random.Random, text: str) -> str:
    """The text with one thing changed, which makes it another value or none."""
    numbers = [at for at, one in enumerate(text) if one.isdigit()]
    at = r.choice(numbers) if numbers else 0
    return r.choice(
        [
            text[:at] + str(r.randint(0, 9)) + text[at + 1 :],
            text[:at] + text[at + 1 :],
            text[:at] + "0" + text[at:],
            text[:at] + " " + text[at:],
            text[:-2] + "60",
            text + r.choice(["Z", " ", "0", ".5", " UTC", "000", "x"]),
            r.choice(["", "N/A", "0000-00-00", "2024-02-30", "2024-13-01", "2024-01-01T24:00:00", "10000-01-01", "٢٠٢٤-٠١-٠١"]),
            text.replace(":", ".", 1), text.replace("-", "/", 1), text.swapcase(), text.replace("0", "", 1),
        ]
    )  # fmt: skip


def numbers(r: random.Random) -> dict[str, Any]:
    field: dict[str, Any] = {"type": r.choice(["integer", "number", "number"])}
    if field["type"] == "number":
        field |= r.choice([{}, {"decimalChar": ","}, {"decimalChar": ",", "groupChar": "."}, {"groupChar": ","}, {"groupChar": " ", "decimalChar": ","}, {"groupChar": "'"}])  # fmt: skip
        field |= r.choice([{}, {}, {"decimals": r.randint(0, 6)}])
    else:
        field |= r.choice([{}, {"groupChar": ","}, {"groupChar": "."}, {"groupChar": " "}])
    field |= r.choice([{}, {}, {"bareNumber": False}])
    field["constraints"] = r.choice([{}, {}, {"minimum": 0}, {"maximum": 10**6}, {"minimum": -5.5, "maximum": 2**63 - 2}, {"required": True}])  # fmt: skip
    return field


def booleans(r: random.Random) -> dict[str, Any]:
    return {"type": "boolean", **r.choice([{}, {"trueValues": ["yes", "Y"], "falseValues": ["no", "N"]}, {"trueValues": ["X"], "falseValues": ["", "-"], "missingValues": ["N/A"]}])}  # fmt: skip


def texts(r: random.Random) -> dict[str, Any]:
    limits = [{}, {"maxLength": 2}, {"pattern": r"[aB1\s]+"}, {"enum": ["a", "B", "aB", "A"]}, {"required": True}]
    return {"constraints": r.choice(limits)}


def instants(r: random.Random) -> dict[str, Any]:
    if r.random() < 0.5:
        formats = r.choice(["%Y-%m-%d", "%Y%m%d", "%d/%m/%Y", "%d.%m.%y", ["%d/%m/%Y", "%m/%d/%Y"], "%d %b %Y", "%B %d, %Y", "%Y-%j", "%G-W%V-%u", "%a %d %b %Y", "%d%b%Y", None, "%Y-%m-%d %H:%M:%S"])  # fmt: skip
        return {"type": "date", **({"format": formats} if formats else {})}
    formats = r.choice(["%Y-%m-%d %H:%M:%S", "%Y%m%d%H%M%S", "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d %H:%M:%S.%f", "%d/%m/%Y %I:%M:%S %p", "%d/%m/%Y %H:%M", "%Y-%m-%d %H:%M:%S,%f", ["%Y-%m-%dT%H:%M:%S.%f%z", "%Y-%m-%d %H:%M:%S%z"], None, "%d.%m.%y %H:%M", "%a, %d %b %Y %H:%M:%S %z", ["%Y-%m-%d", "%Y-%m-%d %H:%M"]])  # fmt: skip
    bounds = (
        {} if r.random() < 0.7 else {"constraints": {"minimum": datetime(2000, 1, 1, 12), "maximum": date(2040, 1, 1)}}
    )
    return {"type": "datetime", **({"format": formats} if formats else {}), **bounds}


def rules(r: random.Random, field: dict[str, Any]) -> dict[str, Any]:
    """Cleaning rules and missing values, at random."""
    money: list[Any] = [["currency"], ["trim", "currency"]] if field.get("type") in ("integer", "number") else []
    # `ß` and other letters change by rules of Unicode, which its own test compares.
    case: list[Any] = [["trim", {"case": "lower"}], [{"case": "upper"}]] if field.get("type") == "boolean" else []
    clean_ = r.choice([None, None, [], *money, *money, *case, ["collapse_whitespace", "trim"], [{"replace": {"N/A": "", "1": "2"}}], ["trim", {"replace_pattern": "^([0-9])x?$", "by": "0$1"}]])  # fmt: skip
    found = {} if clean_ is None else {"clean": clean_}
    if "missingValues" not in field and r.random() < 0.5:
        found["missingValues"] = r.choice([["", "N/A"], ["N/A"], []])
    return found


KINDS: dict[str, tuple[Callable[[random.Random], dict[str, Any]], Spell]] = {
    "numbers": (numbers, spell_number),
    "booleans": (booleans, spell_boolean),
    "texts": (texts, spell_text),
    "instants": (instants, spell_instant),
}


@pytest.mark.parametrize("kind", list(KINDS))
def test_each_spelling_is_loaded_as_an_independent_reading_says(kind: str):
    print(f"{kind}: seed {SEED}, {FIELDS * TEXTS * TIMES} spellings")
    r = random.Random(f"{kind} {SEED}")
    make, spell = KINDS[kind]
    counts, options, unlike = Counter[str](), Counter[str](), []
    for _ in range(FIELDS * TIMES):
        field = make(r)
        field |= rules(r, field)
        options.update(options_of(field))
        spellings = [spell(r, field) for _ in range(TEXTS)]
        for text, loaded in zip(spellings, load(field, spellings), strict=True):
            try:
                meant: Any = (independent.read(field, text),)
            except independent.Refused:
                meant = None
            found = None if loaded is None else (typed(field, loaded[0]),)
            counts["refused" if meant is None else "loaded"] += 1
            if meant != found:
                unlike.append((field, text, meant, found))
    assert not unlike, "\n".join(map(str, unlike[:20])) + f"\n{len(unlike)} differ"
    print(f"{kind}: {dict(counts)}")
    if kind != "texts":
        assert 3 * counts["refused"] >= counts.total()
    assert set(OPTIONS[kind]) <= set(options)


OPTIONS = {
    "numbers": ["decimalChar", "groupChar", "bareNumber", "decimals", "minimum", "maximum", "required", "currency", "trim",
                "collapse_whitespace", "replace", "replace_pattern", "missingValues"],
    "booleans": ["trueValues", "falseValues", "missingValues", "case"],
    "texts": ["maxLength", "pattern", "enum", "required"],
    "instants": ["format", "minimum", "maximum"],
}  # fmt: skip


def options_of(field: dict[str, Any]) -> set[str]:
    named = {next(iter(rule)) if isinstance(rule, dict) else rule for rule in field.get("clean", [])}
    return {*field, *field.get("constraints", {}), *named}
