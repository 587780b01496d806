"""One table of exit codes, and everything that repeats a part of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from medallion import errors
from medallion.cli import templates
from medallion.config.pipeline import RetryConfig
from medallion.errors import EXIT_CODES, RETRYABLE, ExitCode, StepFailure, exit_code_table

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_every_code_has_a_meaning_and_every_failure_a_code():
    assert set(EXIT_CODES) == {*ExitCode, errors.KILLED}
    kinds = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, StepFailure)]
    assert len(kinds) > 10
    assert all(kind.code in EXIT_CODES for kind in kinds)


def test_the_documentation_shows_the_table():
    assert exit_code_table() in (DOCS / "pipelines.md").read_text()


def test_the_default_of_a_pipeline_is_the_tables():
    assert set(RetryConfig().retryable_exit_codes) == RETRYABLE | {"evicted"}


@pytest.mark.parametrize("template", [templates.PIPELINE, templates.JOB])
def test_a_template_shows_the_default_and_no_list_of_its_own(template: str):
    assert "# retryable_exit_codes: [{codes}]" in template


def test_no_documentation_says_anything_else_of_a_code():
    """A row that begins with a code of the table, in any page of the documentation, is in a table about sources."""
    for page in (page for page in DOCS.glob("*.md") if page.name != "lint.md"):  # that is another command's table
        for code in re.findall(r"^\| (\d+)(?:, \d+)* \| [a-z]", page.read_text(), re.MULTILINE):
            assert int(code) in EXIT_CODES, page
