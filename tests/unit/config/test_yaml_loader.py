"""YAML files into models: every diagnostic has a place and a remedy."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, ConfigDict

from medallion.config.diagnostics import ConfigError
from medallion.config.yaml_loader import parse


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid")
    size: int


class Thing(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    parts: list[Part] = []


def diagnostics(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text, Thing, "thing.yaml")
    return [str(diagnostic) for diagnostic in caught.value.diagnostics]


def test_a_valid_file_becomes_its_model():
    assert parse("name: a\nparts: [{size: 3}]\n", Thing, "f").parts[0].size == 3


def test_unknown_key_names_its_place_and_the_nearest_key():
    assert diagnostics("name: a\nparts:\n  - sise: 3\n    size: 2\n") == [
        "thing.yaml:3:5: parts.0.sise: unknown key 'sise' — did you mean 'size'?"
    ]


def test_a_missing_key_says_what_to_add():
    assert diagnostics("parts: []\n") == ["thing.yaml:1:1: name: key 'name' is missing — add `name: …`"]


def test_a_key_written_twice_is_refused():
    assert diagnostics("name: a\nname: b\n") == ["thing.yaml:2:1: name: is written twice — keep one of them"]


def test_all_diagnostics_are_reported_in_file_order():
    found = diagnostics("nam: a\nparts: [{size: big}]\n")
    assert [line.split(": ")[0] for line in found] == ["thing.yaml:1:1", "thing.yaml:1:1", "thing.yaml:2:10"]


@pytest.mark.parametrize(
    "text", ["", "- a\n", "just words\n", "name: [\n", "a: *b\n", "!!python/object:os.x {}\n", "\x00"]
)
def test_what_is_no_mapping_is_a_finding_and_no_traceback(text: str):
    assert diagnostics(text)[0].startswith("thing.yaml:")
