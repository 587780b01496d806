"""The generated pages are those that the code makes, and no others."""

from __future__ import annotations

from pathlib import Path

import pytest

from reference_pages.pages import make_pages

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = make_pages()


@pytest.mark.parametrize("path", list(PAGES))
def test_generated_page_equals_what_the_code_makes(path: str):
    assert (DOCS / path).read_text(encoding="utf-8") == PAGES[path], "run `make reference`"


def test_generated_folders_hold_no_other_page():
    found = {path.relative_to(DOCS).as_posix() for name in ("reference", "schema") for path in (DOCS / name).iterdir()}
    assert found == set(PAGES)
