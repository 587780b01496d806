"""Markdown that every page uses."""

from __future__ import annotations

from collections.abc import Iterable


def table(header: str, rows: Iterable[Iterable[str]]) -> str:
    """Return a table.

    Args:
        header: The titles, with ` | ` between them.
        rows: The cells.
    """
    titles = header.split(" | ")
    lines = [f"| {' | '.join(_cell(cell) for cell in row)} |" for row in rows]
    return "\n".join([f"| {header} |", "|" + " --- |" * len(titles), *lines])


def code(text: str) -> str:
    """Return a text as code, also one that contains backticks; nothing for an empty text."""
    fence = "``" if "`" in text else "`"
    return f"{fence}{text}{fence}" if text else ""


def _cell(text: str) -> str:
    return text.replace("\n\n", "<br>").replace("\n", " ").replace("|", r"\|")
