"""What a contract may say of values: formats that are read exactly, and keys that are not ignored."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from medallion.cleaner.instants import read_instants
from medallion.cli.schema import Kind, json_schema
from medallion.config.cleaning import RuleEntry, apply, iter_rules
from medallion.config.contract import Contract
from medallion.config.datetimes import compile_format
from medallion.config.directives import DIRECTIVES
from medallion.config.field import ContractField


def error_of(**field: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        ContractField.model_validate({"name": "v", **field})
    return str(caught.value)


@pytest.mark.parametrize(
    ("kind", "formats", "words"),
    [
        ("datetime", "%Y-%m-%d %H:%M:%S %Z", "%Z of the format '%Y-%m-%d %H:%M:%S %Z' is the name of a zone"),
        ("datetime", "%m/%d/%Y %H:%M:%S %p", "has one of %I and %p"),
        ("datetime", "%m/%d/%Y %I:%M", "has one of %I and %p"),
        ("datetime", ["%Y-%m-%d %H:%M:%S%z", "%Y-%m-%d %H:%M:%S"], "has no offset and another format has one"),
        ("datetime", ["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d"], "has no offset and another format has one"),
        ("datetime", "%Y-%m-%d %H:%M CET", "ends with the zone 'CET', which would be ignored"),
        ("datetime", "%Y-%m-%d %H:%M:%S+02:00", "ends with the zone '+02:00', which would be ignored"),
        ("datetime", "%s", "counts seconds"),
        ("datetime", "%c", "depends on a language"),
        ("datetime", "%H:%M:%S", "names no whole day"),
        ("datetime", "%Y-%m-%d %M:%S", "has a gap in its time"),
        ("datetime", "%Y-%m-%d %H.%f", "has a gap in its time"),
        ("datetime", "%Y-%m-%d %d %H:%M", "has the day twice"),
        ("datetime", "%Y-%m-%d %H:%M:%Q", "%Q of the format '%Y-%m-%d %H:%M:%Q' is not read"),
        ("date", "%Y-%U", "is a week that no day follows from"),
        ("date", "%m-%d", "names no whole day"),
        ("date", "%y%Y-%m-%d", "has the year twice"),
        ("date", "%-d%-m%Y", "a number without padding next to a digit"),
        ("date", "%Y-%m-%d%z", "of a date has an offset"),
        ("date", "%Y-%m-%", "% of the format '%Y-%m-%' is not read"),
        ("date", "", "names no whole day"),
    ],
)
def test_a_format_that_would_be_misread_is_refused(kind: str, formats: Any, words: str):
    assert words in error_of(type=kind, format=formats)


@pytest.mark.parametrize("directive", sorted(DIRECTIVES))
def test_every_directive_reads_back_what_it_writes(directive: str):
    """On a round trip through the cleaner's engine."""
    rest = {"%Y": "-%m-%d", "%y": "-%m-%d", "%j": " %Y", "%G": "-W%V-%u", "%V": " %G %u", "%u": " %G %V"}
    meaning = DIRECTIVES[directive].meaning
    format_ = directive + rest.get(directive, "") if directive in rest else f"%Y {directive} %m %d"
    if meaning in ("month", "day"):
        format_ = f"%Y {directive} {'%d' if meaning == 'month' else '%m'}"
    time = {"hour": f" {directive}" + (" %p" if "I" in directive else ""), "minute": " %H:%M", "second": " %H:%M:%S",
            "half": " %I %p", "fraction": f" %H:%M:%S{'' if directive[1] == '.' else ' '}{directive}", "zone": f" %H:%M{directive}"}  # fmt: skip
    if meaning in time:
        format_ = "%Y-%m-%d" + time[meaning]
    made = compile_format(format_, "datetime")
    moment = datetime(2024, 2, 29, 13, 14, 15, 123000, timezone.utc)
    written = format_
    for name in sorted(DIRECTIVES, key=len, reverse=True):
        written = written.replace(name, DIRECTIVES[name].written(moment))
    field = ContractField.model_validate({"name": "v", "type": "datetime", "format": format_})
    value, doubtful = read_instants(field, pl.col("t"))
    read, doubt = pl.DataFrame({"t": [written]}).select(value.alias("v"), doubtful.alias("d")).row(0)
    parts = {"hour": 1, "minute": 2, "second": 3, "fraction": 4, "half": 1, "zone": 2}.get(meaning, 0)
    whole = (13, 14, 15, 123000)[:parts]
    assert (read, doubt) == (datetime(2024, 2, 29, *whole), False), (format_, written, made)


@pytest.mark.parametrize(
    ("formats", "text"),
    [
        ("%Y%m%d", "2024115"),
        ("%d.%m.%Y", "30.02.2024"),
        ("%Y-%m-%d", "0024-01-01"),
        ("%Y-%m-%d", "2024-01-01 "),
        ("%Y-%m-%d", "２０２４-01-01"),
        ("%a %Y-%m-%d", "Mon 2024-02-29"),
        ("%Y-%j", "2023-366"),
        ("%G-W%V-%u", "2023-W53-1"),
        ("%Y-%m-%d %H:%M", "2024-01-01 00:01"),
        (["%d/%m/%Y", "%m/%d/%Y"], "01/02/2024"),
    ],
)
def test_text_that_is_no_date_of_the_format_gives_none(formats: Any, text: str):
    field = ContractField.model_validate({"name": "v", "type": "date", "format": formats})
    value, doubtful = read_instants(field, pl.col("t"))
    read, doubt = pl.DataFrame({"t": [text]}).select(value.alias("v"), doubtful.alias("d")).row(0)
    assert read is None or doubt


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ({"type": "string", "decimals": 2}, "a string has no `decimals`"),
        ({"type": "integer", "decimals": 2}, "a integer has no `decimals`"),
        ({"type": "integer", "decimalChar": ","}, "a integer has no `decimalChar`"),
        ({"type": "date", "groupChar": ","}, "a date has no `groupChar`"),
        ({"type": "string", "bareNumber": False}, "a string has no `bareNumber`"),
        ({"type": "string", "format": "email"}, "a string has no `format`"),
        ({"type": "string", "trueValues": ["x"]}, "a string has no `trueValues`"),
        ({"type": "number", "groupChar": "."}, "are both '.'"),
        ({"type": "number", "groupChar": "5"}, "separates no digits"),
        ({"type": "number", "decimalChar": "-"}, "separates no digits"),
        ({"type": "boolean", "trueValues": ["1", "x"], "falseValues": ["x"]}, "'x' is in `trueValues` and in `falseValues`"),
        ({"type": "number", "constraints": {"minimum": float("nan")}}, "finite"),
        ({"type": "date", "constraints": {"minimum": datetime(2024, 1, 1, 12)}}, "of a date are dates"),
        ({"type": "datetime", "constraints": {"minimum": "2024-01-01T00:00:00+02:00"}}, "has an offset and its `format` has none"),
        ({"clean": ["tidy"]}, "unknown cleaning rule 'tidy' — known rules: trim, collapse_whitespace, "),
        ({"clean": [{"replace_pattern": "^(a)", "by": "$1_x"}]}, "names the group '1_x'"),
        ({"clean": [{"replace_pattern": "a", "by": "$1"}]}, "names the group '1'"),
        ({"clean": [{"replace_pattern": "(a)", "by": r"\1"}]}, "back-reference of another language"),
        ({"type": "date", "format": []}, "at least 1 item"),
        ({"type": "datetime", "constraints": {"minimum": "2024-01-02", "maximum": "2024-01-01T00:00:00"}}, "is above its `maximum`"),
        ({"type": "date", "constraints": {"minimum": "1706659200"}}, "is no number and no date"),
        ({"constraints": {"pattern": "a++"}}, "has another part that only Python reads"),
        ({"constraints": {"pattern": "a{,3}"}}, "a brace that repeats nothing"),
        ({"constraints": {"pattern": "[a[b]"}}, "has a set inside a set"),
    ],
)  # fmt: skip
def test_a_key_that_would_be_ignored_or_misread_is_refused(field: dict[str, Any], words: str):
    assert words in error_of(**field)


def test_an_encoding_is_declared_once_and_known():
    base: dict[str, Any] = {"name": "c", "table": "a.b", "fields": [{"name": "v"}]}
    for place in ({"encoding": "Latin-1"}, {"dialect": {"encoding": "iso8859_1"}}):
        assert Contract.model_validate({**base, **place}).codec == "iso-8859-1"
    assert Contract.model_validate(base).codec == "utf-8"
    for given, words in (
        ({"encoding": "cp1252", "dialect": {"encoding": "utf-8"}}, "keep one of them"),
        ({"encoding": "rot13"}, "unknown encoding 'rot13'"),
        ({"encoding": "utf-7"}, "unknown encoding 'utf-7'"),
    ):
        with pytest.raises(ValidationError, match=words):
            Contract.model_validate({**base, **given})


@pytest.mark.parametrize("entry", list(iter_rules()), ids=lambda entry: str(entry.written))
def test_cleaning_rule_does_what_its_example_shows(entry: RuleEntry):
    (rule,) = ContractField(name="v", clean=[entry.written]).clean  # type: ignore[arg-type]
    assert pl.DataFrame({"t": [entry.before]}).select(apply(pl.col("t"), rule)).item() == entry.after
    assert json.dumps(entry.description) in json_schema(Kind.contract)


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("$5", "5"), ("-$5", "-5"), ("$-5", "-5"), ("5 €", "5"), ("(5)", "-5"), ("($5)", "-5"), ("$(5)", "-5"), ("5-", "-5"),
        ("$5-", "-5"), ("0,512", "0,512"), ("1.234,5", "1.234,5"), ("$5€", "5€"), ("(5", "(5"), ("--5", "--5"), ("(-5)", "(-5)"),
        ("-5-", "-5-"), ("CHF 5", "CHF 5"), ("()", "()"), ("1e-5", "1e-5"), ("2024-01-01", "2024-01-01"), ("a-", "a-"),
    ],
)  # fmt: skip
def test_currency_takes_signs_and_brackets_and_nothing_else(text: str, amount: str):
    assert pl.DataFrame({"t": [text]}).select(apply(pl.col("t"), "currency")).item() == amount
