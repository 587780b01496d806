"""The documentation contains none of the words that STYLE.md rules out, and test names are short."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

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
    r"\b(nobody|somebody|anew|mend(?:s|ed|ing)?|(?:is|are)\s+told|as\s+ever|by\s+chance|(?:is|are)\s+none)\b",
    re.IGNORECASE,
)


def found(text: str) -> list[tuple[int, str]]:
    """Return the line number and the words of each match. A match may continue on the next line."""
    return [(text.count("\n", 0, match.start()) + 1, " ".join(match[0].split())) for match in NEVER.finditer(text)]


@pytest.mark.parametrize("pattern", PAGES)
def test_documentation_avoids_banned_words(pattern: str):
    pages = sorted(REPO.glob(pattern))
    assert pages, f"no page matches {pattern}"
    lines = [
        f"{page.relative_to(REPO)}:{line}: {words}"
        for page in pages
        for line, words in found(page.read_text(encoding="utf-8"))
    ]
    assert not lines, "\n".join(["words that STYLE.md rules out:", *lines])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one\nNobody mends it", [(2, "Nobody"), (2, "mends")]),
        ("a reader is\ntold", [(1, "is told")]),
        ("There are none, by  chance", [(1, "are none"), (1, "by chance")]),
        ("amend the commit, recommended, a new file, is nonetheless", []),
    ],
)
def test_found_whole_words_returns_line(text: str, expected: list[tuple[int, str]]):
    assert found(text) == expected


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
