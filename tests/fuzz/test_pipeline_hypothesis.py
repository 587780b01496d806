"""Pipeline files of any content: diagnostics with a place and a remedy, never a traceback."""

from __future__ import annotations

import copy
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medallion.config.load_pipeline import load_pipeline
from medallion.lint.checks import lint_file
from medallion.plan import RunContext, make_plan

pytestmark = pytest.mark.fuzz
DAGS = Path(__file__).resolve().parents[2] / "dags"
NAME = "pipeline_customer_transaction"
VALID: dict[str, Any] = yaml.safe_load((DAGS / "pipelines" / f"{NAME}.yaml").read_text())
HOSTILE = [
    "'; drop table x; --",
    "../../etc/passwd",
    "{{ conn.x }}",
    "{% raw %}",
    "\0",
    "ä" * 300,
    "",
    "null",
    "1e999",
    "-",
]

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.sampled_from(HOSTILE), st.dates()
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.one_of(st.text(max_size=10), scalars), inner, max_size=4)
    ),
    max_leaves=8,
)
often = settings(
    max_examples=40 * int(os.environ.get("MEDALLION_FUZZ", "1")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def check(folder: Path, text: str | bytes) -> None:
    """A file is a pipeline that has a plan, or it is refused with what is wrong, where, and what to do."""
    pipelines, contracts = folder / "pipelines", folder / "contracts"
    pipelines.mkdir(exist_ok=True)
    if not contracts.exists():
        contracts.symlink_to(DAGS / "contracts")
    file = pipelines / f"{NAME}.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    found = lint_file(file)
    assert all(diagnostic.line >= 1 and diagnostic.message for diagnostic in found)
    if not found:
        read = load_pipeline(file)
        assert make_plan(read.pipeline, read.contracts, RunContext("run", "/landing")).steps


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of everything in a document."""
    found = [path]
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in entries:
        found += places(inner, (*path, key))
    return found


def put(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    inner = document
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return document


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("owner: " + "9" * 5000, "3:8: cannot be read: Exceeds the limit"),
        ("owner: !!int x", "3:8: cannot be read: invalid literal"),
        ("owner: !!timestamp x", "3:8: cannot be read"),
        ("owner: !!bool x", "3:8: cannot be read"),
        ("owner: &a [*a]", "is endless"),
        ("tags: [" + ", ".join(["&a0 [x, x]"] + [f"&a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]) + "]", "is endless"),
        ("owner: !!python/object/apply:os.system [ls]", "cannot be read"),
    ],
)  # fmt: skip
def test_yaml_oddity_is_reported_by_line(tmp_path: Path, line: str, message: str):
    check(tmp_path, f"name: {NAME}\n\n{line}\n")
    (diagnostic,) = lint_file(tmp_path / "pipelines" / f"{NAME}.yaml")
    assert message in str(diagnostic)


@often
@given(st.binary(max_size=200))
def test_any_bytes(tmp_path: Path, content: bytes):
    check(tmp_path, content)


@often
@given(st.text(alphabet=st.sampled_from("ab:-[]{}&*!|>'\"#%@`,? \n\t\\0"), max_size=80))
def test_any_text_of_yamls_own_characters(tmp_path: Path, content: str):
    check(tmp_path, content)


@often
@given(values)
def test_any_document(tmp_path: Path, document: Any):
    check(tmp_path, yaml.safe_dump(document, allow_unicode=True))


@often
@given(st.sampled_from(places(VALID)), values)
def test_a_valid_file_with_anything_in_any_place(tmp_path: Path, path: tuple[Any, ...], value: Any):
    check(tmp_path, yaml.safe_dump(put(copy.deepcopy(VALID), path, value), allow_unicode=True))


@often
@given(st.data())
def test_a_valid_file_with_any_key_more_anywhere(tmp_path: Path, data: st.DataObject):
    document = copy.deepcopy(VALID)
    path = data.draw(st.sampled_from(places(VALID)))
    target = document
    for key in path:
        target = target[key]
    if isinstance(target, dict):
        target[data.draw(scalars)] = data.draw(values)
    elif isinstance(target, list):
        target.append(data.draw(values))
    check(tmp_path, yaml.safe_dump(document, allow_unicode=True))


@often
@given(st.data())
def test_a_valid_file_that_is_cut_off_or_has_a_byte_changed(tmp_path: Path, data: st.DataObject):
    text = bytearray((DAGS / "pipelines" / f"{NAME}.yaml").read_bytes())
    place = data.draw(st.integers(0, len(text) - 1))
    if data.draw(st.booleans()):
        text = text[:place]
    else:
        text[place] = data.draw(st.integers(0, 255))
    check(tmp_path, bytes(text))
