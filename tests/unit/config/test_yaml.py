"""YAML by the core schema of 1.2: scalars against another reader, merges with their places, and what is refused."""

from __future__ import annotations

import itertools
import math
import re
import time
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from medallion.cli.schema import Kind, json_schema
from medallion.config.contract import Contract
from medallion.config.diagnostics import ConfigError
from medallion.config.job import Job
from medallion.config.pipeline import Pipeline
from medallion.config.runner import Runner
from medallion.config.schedule import Schedule
from medallion.config.yaml_loader import load, parse, read

PIPELINE = "name: p\nowner: me\nsources: [{name: a, path: a.csv, contract: a}]\n"
TEXT = [
    *[
        "no",
        "No",
        "NO",
        "yes",
        "Yes",
        "on",
        "On",
        "off",
        "y",
        "n",
        "N",
        "nULL",
        "tRUE",
        "None",
        "=",
        "<<",
        "1_000",
        "0b101",
        "0o8",
        "0xg",
        "1:30",
        "190:20:30",
        "1e",
        "e1",
        ".",
        ".e1",
        "+",
    ],
    *[
        "2024-01-01",
        "2001-12-14t21:59:43.10-05:00",
        "1.2.3",
        "++1",
        "0.5.1",
        ".inF",
        "nan",
        "inf",
        "NaN",
        "0x",
        "0o",
        "-0o7",
        "+0x1F",
        "--1",
        "1-",
        "12ab",
    ],
]
VALUES = {
    **dict.fromkeys(["~", "null", "Null", "NULL", ""]),
    **dict.fromkeys(["true", "True", "TRUE"], True),
    **dict.fromkeys(["false", "False", "FALSE"], False),
    **{"0": 0, "0600": 600, "0o14": 12, "0x1F": 31, "+12": 12, "-0": 0, "007": 7, "08": 8, "0123456789": 123456789},
    **{".5": 0.5, "1e3": 1000.0, "5.": 5.0, "+.5": 0.5, "-2E+05": -200000.0, "12e03": 12000.0, "0.0": 0.0},
    **{".inf": math.inf, "-.INF": -math.inf, "+.Inf": math.inf},
}


def diagnostics(text: str, model: Any = Pipeline) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text, model, "f")
    return [str(diagnostic) for diagnostic in caught.value.diagnostics]


@pytest.mark.parametrize("written", TEXT)
def test_what_the_core_schema_does_not_know_is_text(written: str):
    assert read(f"a: {written}\n", "f").data == {"a": written}


@pytest.mark.parametrize("written", VALUES)
def test_what_the_core_schema_knows_has_its_value(written: str):
    value = read(f"a: {written}\n", "f").data["a"]
    assert (value, type(value)) == (VALUES[written], type(VALUES[written]))
    assert read(f"a: '{written}'\n", "f").data == {"a": written}
    assert read(f"a: !!str {written}\n", "f").data == {"a": written}
    assert read(f"a: ! {written}\n", "f").data == {"a": written}


def test_not_a_number_is_read():
    assert all(math.isnan(read(f"a: {nan}\n", "f").data["a"]) for nan in (".nan", ".NaN", ".NAN"))


@pytest.mark.fuzz
def test_scalars_equal_those_of_another_yaml_1_2_reader():
    ruamel = pytest.importorskip("ruamel.yaml")
    reader = ruamel.YAML(typ="safe", pure=True)
    reader.version = (1, 2)
    alphabet = "019.-+oxeEfn:"
    scalars = ["".join(word) for length in range(1, 5) for word in itertools.product(alphabet, repeat=length)]
    scalars += [
        f"{sign}{word}"
        for sign in ("", "-", "+", ".", "-.")
        for word in ["inf", "Inf", "INF", "iNF", "nan", "NaN", "NAN", "nAN"]
    ]
    scalars += [
        word for known in ("true", "false", "null", "yes", "no", "on", "off", "y", "n") for word in cases(known)
    ]
    different, tried = [], 0
    for start in range(0, len(scalars), 500):
        kept = [one for one in scalars[start : start + 500] if not is_structure(one)]
        text = "".join(f"- {one}\n" for one in kept)
        ours, theirs = read(f"a:\n{text}", "f").data["a"], reader.load(text)
        tried += len(kept)
        different += [
            (one, mine, other)
            for one, mine, other in zip(kept, ours, theirs, strict=True)
            if repr(mine) != repr(other) and not is_ruamels_own(one)
        ]
    print(f"{tried} scalars")
    assert different == []
    assert tried > 20_000


def cases(word: str) -> set[str]:
    return {"".join(letters) for letters in itertools.product(*((one, one.upper()) for one in word))}


def is_structure(scalar: str) -> bool:
    """Whether it is a list or a mapping rather than a scalar."""
    return scalar.endswith(":") or scalar == "-"


def is_ruamels_own(scalar: str) -> bool:
    """Where ruamel.yaml leaves the core schema: it takes `-0x1` for a number, and `.1e1` for none."""
    return re.fullmatch(r"[-+]0[ox]\w+|\.[0-9]+[eE][0-9]+", scalar) is not None


@pytest.mark.parametrize(
    ("text", "diagnostic"),
    [
        ("schedule: {enabled: no}", "f:4:12: schedule.enabled: 'no' is not `true` or `false` — write `false`"),
        ("schedule: {enabled: On}", "f:4:12: schedule.enabled: 'On' is not `true` or `false` — write `true`"),
        ("source_freshness: 0", "f:4:1: source_freshness: '0' is not `true` or `false` — write `false`"),
        ("source_freshness: maybe", "f:4:1: source_freshness: 'maybe' is not `true` or `false` — write `true` or `false`"),
        ("description: 0600", "f:4:1: description: 0600 is no text — write it in quotes: \"0600\""),
        ("max_active_tasks: '4'", "f:4:1: max_active_tasks: '4' is no whole number — write digits, without quotes, `_` or `:`"),
        ("schedule: {interval_seconds: 1:30}", "f:4:12: schedule.interval_seconds: '1:30' is no whole number — write digits, without quotes, `_` or `:`"),
        ("max_active_tasks: true", "f:4:1: max_active_tasks: 'true' is no whole number"),
        ("retry_config: {backoff_multiplier: .nan}", "f:4:16: retry_config.backoff_multiplier: input should be a finite number"),
        ("schedule: {start_date: 1704067200}", "f:4:12: schedule.start_date: '1704067200' is no date — write it as 2024-01-31"),
        ("schedule: {start_date: 2024-13-01}", "f:4:12: schedule.start_date: input should be a valid date"),
    ],
)  # fmt: skip
def test_value_of_another_type_is_reported_with_what_to_write(text: str, diagnostic: str):
    (found,) = diagnostics(PIPELINE + text + "\n")
    assert found.startswith(diagnostic)


def test_a_date_is_one_where_a_key_wants_a_date():
    found = parse(PIPELINE + "schedule: {start_date: 2024-02-29}\ndescription: 2024-02-29\n", Pipeline, "f")
    assert found.schedule.start_date.isoformat() == found.description == "2024-02-29"


def test_words_of_a_contract_stay_what_they_are():
    text = "name: a\ntable: raw.a\nmissingValues: [no, NO, ~x, 'null', 1_000]\nfields: [{name: on, constraints: {enum: [yes, off]}}]\n"
    contract = parse(text, Contract, "f")
    assert contract.missing_values == ("no", "NO", "~x", "null", "1_000")
    assert (contract.fields[0].name, contract.fields[0].constraints.enum) == ("on", ("yes", "off"))


MERGES = """\
x-defaults: &defaults
  name: one
  constraints: {required: true, maxLenght: 3}
x-other: &other {name: other, title: no}
name: a
table: raw.a
fields:
  - <<: *defaults
  - <<: [*other, *defaults]
    constraints: {}
  - {<<: {<<: *other, title: own}, name: three}
"""


def test_merged_keys_have_the_place_where_they_are_written():
    assert diagnostics(MERGES, Contract) == [
        "f:3:33: fields.0.constraints.maxLenght: unknown key 'maxLenght' — did you mean 'maxLength'?"
    ]
    contract = parse(MERGES.replace("maxLenght", "maxLength"), Contract, "f")
    assert [(field.name, field.title) for field in contract.fields] == [("one", ""), ("other", "no"), ("three", "own")]
    assert [field.constraints.required for field in contract.fields] == [True, False, False]


@pytest.mark.parametrize(
    ("kind", "model", "text"),
    [
        (Kind.pipeline, Pipeline, PIPELINE),
        (Kind.contract, Contract, "name: a\ntable: raw.a\nfields: [{name: id}]\n"),
        (Kind.runner, Runner, "runner: {orchestrator: {}}\n"),
        (Kind.job, Job, "tenant: a\nconnector: csv\nsource: {path: a.csv}\ncontract: a\n"),
    ],
)
def test_each_kind_of_file_has_a_home_for_anchors(kind: Kind, model: Any, text: str):
    parse(f"x-anchors: [&a 1, {{b: no}}]\nx-: *a\n{text}", model, "f")
    assert '"^x-"' in json_schema(kind)
    assert "X-a" in diagnostics(f"X-a: 1\n{text}", model)[0], "only a small x"


@pytest.mark.parametrize(
    ("text", "diagnostic"),
    [
        ("a: *b", "1:4: there is no anchor `&b` above"),
        ("a: &a [*a]", "1:8: is endless: `*a` stands inside `&a`"),
        ("a: &a {<<: *a}", "1:12: is endless"),
        ("a: {<<: 3}", "1:9: a.<<: merges what is no mapping"),
        ("a: {<<: [{b: 1}, [c]]}", "1:18: a.<<: merges what is no mapping"),
        ("a: {<<: {b: 1}, <<: {c: 1}}", "1:17: a.<<: is written twice — write one, with a list"),
        ("a: {1: b}", "1:5: a.1: the key '1' is a number, not text"),
        ("a: {~: b}", "1:5: a.~: the key '~' is empty, not text"),
        ("a: {true: b}", "1:5: a.true: the key 'true' is true or false, not text"),
        ("? [a]\n: b", "1:3: ?: the key is a list or a mapping"),
        ("a: !foo b", "1:4: cannot be read: the tag !foo is not read"),
        ("a: !!python/object:os.x {}", "1:4: cannot be read: the tag !!python/object:os.x"),
        ("a: !!binary aGk=", "1:4: cannot be read: the tag !!binary is not read"),
        ("a: !!set {b}", "1:4: cannot be read: the tag !!set"),
        ("a: !!int 1.5", "1:4: cannot be read: invalid literal for !!int"),
        ("a: 0x" + "f" * 9000, "1:4: cannot be read: Exceeds the limit"),
        ("a: 1\n---\nb: 2", "2:1: holds a second document"),
        ("%YAML 1.1\n---\na: no", "1:1: asks for YAML 1.1, and is read as YAML 1.2"),
        ("a: 1\nb: \x07", "2:1: is not YAML: control characters are not allowed"),
        ("a: \ud800", "1:1: is not UTF-8"),
        ("a: " + "[" * 60 + "[" * 60 + "]" * 120, "1:67: is nested more than 64 deep"),
    ],
)  # fmt: skip
def test_unreadable_yaml_is_reported_with_its_place(text: str, diagnostic: str):
    (found,) = diagnostics(text)
    assert found.startswith(f"f:{diagnostic}")


HEAVY = {
    "brackets": "a: " + "[" * 100_000,
    "closed brackets": "a: " + "[" * 50_000 + "]" * 50_000,
    "braces": "a: " + "{a: " * 50_000 + "}" * 50_000,
    "dashes": "a:\n " + "- " * 100_000,
    "questions": "? " * 100_000,
    "too many values": "a: [" + "1," * 150_000 + "]",
    "laughs": "a0: &a0 [a, a]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 40)),
    "long laughs": f"a: &a {'x' * 100_000}\nb: [" + "*a, " * 100_000 + "]",
    "merges": "x: &a {" + ", ".join(f"k{n}: 1" for n in range(9_000)) + "}\ny:\n" + "- {<<: *a}\n" * 9_000,
    "a list of merges": "x: &a {" + ", ".join(f"k{n}: 1" for n in range(9_000)) + "}\ny: {<<: [" + "*a, " * 9_000 + "]}",
}  # fmt: skip


@pytest.mark.parametrize("kind", HEAVY)
def test_yaml_that_would_take_hours_is_refused_quickly(kind: str):
    began = time.process_time()
    assert any(word in diagnostics(HEAVY[kind])[0] for word in ("deep", "endless", "more than"))
    assert time.process_time() - began < 15


def test_no_break_of_yaml_1_1_ends_a_line_or_a_comment():
    text = 'a: b # c\x85d: 1\ne: "f\x85g"\nh: i\u2028j\n'
    assert read(text, "f").data == {"a": "b", "e": "f\x85g", "h": "i\u2028j"}


@pytest.mark.parametrize(
    ("content", "diagnostic"),
    [
        ("a: ü\n".encode("utf-16"), "is not UTF-8: it is UTF-16 — save it as UTF-8"),
        (b"a: 1\nb: \xe4\n", "2:1: is not UTF-8"),
        (b"a: " + b"x" * 3_000_000, "is larger than 2 MiB"),
        (b"", "is empty or no mapping"),
    ],
)
def test_file_that_is_no_text_is_reported(tmp_path: Path, content: bytes, diagnostic: str):
    path = tmp_path / "p.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=diagnostic):
        load(path, Pipeline)


def test_a_byte_order_mark_and_windows_line_ends_change_nothing(tmp_path: Path):
    path = tmp_path / "p.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + PIPELINE.replace("\n", "\r\n").encode())
    assert load(path, Pipeline) == parse(PIPELINE, Pipeline, "f")


def test_models_made_in_python_are_strict_too():
    with pytest.raises(ValidationError):
        Schedule(enabled="no")  # type: ignore[arg-type]
