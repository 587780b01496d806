"""The documentation and the source contain none of the words that STYLE.md rules out; test names are short."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from medallion import __version__

REPO = Path(__file__).resolve().parents[2]
PAGES = (
    "README.md",
    "CHANGELOG.md",
    "docs/*.md",
    "docs/reference/*.md",
    "docs/decisions/*.md",
    "k8s/README.md",
    "images/*/README.md",
    "examples/**/README.md",
)
NEVER = re.compile(
    r"\b(nobody|somebody|anew|mend(?:s|ed|ing)?|told|beside|as\s+ever|by\s+chance|(?:is|are)\s+none)\b",
    re.IGNORECASE,
)
IN_SOURCE = re.compile(r"(?<![a-z])(told|said|beside)(?![a-z])", re.IGNORECASE)
"""Also as a part of a name, such as `_told`."""


def found(text: str, never: re.Pattern[str] = NEVER) -> list[tuple[int, str]]:
    """Return the line number and the words of each match. A match may continue on the next line."""
    return [(text.count("\n", 0, match.start()) + 1, " ".join(match[0].split())) for match in never.finditer(text)]


@pytest.mark.parametrize(("pattern", "never"), [*((page, NEVER) for page in PAGES), ("src/**/*.py", IN_SOURCE)])
def test_pages_and_source_avoid_banned_words(pattern: str, never: re.Pattern[str]):
    pages = sorted(REPO.glob(pattern))
    assert pages, f"no page matches {pattern}"
    lines = [
        f"{page.relative_to(REPO)}:{line}: {words}"
        for page in pages
        for line, words in found(page.read_text(encoding="utf-8"), never)
    ]
    assert not lines, "\n".join(["words that STYLE.md rules out:", *lines])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one\nNobody mends it", [(2, "Nobody"), (2, "mends")]),
        ("a reader is\ntold", [(2, "told")]),
        ("There are none, by  chance", [(1, "are none"), (1, "by chance")]),
        ("amend the commit, recommended, a new file, is nonetheless, besides", []),
    ],
)
def test_found_whole_words_returns_line(text: str, expected: list[tuple[int, str]]):
    assert found(text) == expected


def test_found_part_of_a_name_returns_line():
    assert found("def _told():\n    besides = said_by", IN_SOURCE) == [(1, "told"), (2, "said")]


TESTS = {
    file.name: re.findall(r"def (test_\w+)", file.read_text(encoding="utf-8"))
    for file in sorted((REPO / "tests").rglob("test_*.py"))
}


def test_test_names_have_at_most_60_characters():
    assert [name for names in TESTS.values() for name in names if len(name) > 60] == []


def test_tests_that_the_page_of_faults_names_exist():
    page = (REPO / "docs" / "faults.md").read_text(encoding="utf-8")
    named = re.findall(r"`(test_\w+\.py)(?:: (test_\w+)…?)?`", page)
    assert named
    assert [(file, test) for file, test in named if not any(name.startswith(test) for name in TESTS[file])] == []


def test_pages_name_the_version_of_this_commit():
    own = re.compile(r"(?:medallion-|medallion/\w+:|images-|--version |rev: v)(\d+\.\d+\.\d+)")
    pages = [path for page in ("README.md", "docs/*.md", "k8s/README.md") for path in REPO.glob(page)]
    named = {
        (str(path.relative_to(REPO)), version)
        for path in pages
        for version in own.findall(path.read_text(encoding="utf-8"))
    }
    assert {page for page, _ in named} >= {"README.md", "k8s/README.md", "docs/tutorial.md"}
    assert {version for _, version in named} == {__version__}
