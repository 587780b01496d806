"""A guessed contract as a YAML file, with what of the file speaks for each guess."""

from __future__ import annotations

import re
from collections.abc import Iterator
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from medallion.infer.guesses import Guess, Guesses

_WIDTH = 112
_MAX_SHARE = 0.05


def contract_text(name: str, guesses: Guesses, origin: str, max_share: float = _MAX_SHARE, why: str = "") -> str:
    """Return a contract file with comments, valid as it is.

    Args:
        name: The contract's name.
        guesses: What the file seems to be.
        origin: The file's name.
        max_share: The share of rows that may be rejected.
        why: Which rows of the file itself are rejected.
    """
    rows = f"all {guesses.rows:,} rows" if guesses.rows > 1 else "the row"
    lines = [
        "# yaml-language-server: $schema=../../docs/schema/contract.json",
        *_comment("", f"Guessed from {rows} of {origin}, and proved by cleaning the file. Every rule is a "
                  "guess: see docs/schema/contract.json."),
        f"name: {plain(name)}",
        f"table: {table_name(name)} # schema.table that readers use",
        *_dialect(guesses),
    ]  # fmt: skip
    lines += _key(guesses)
    lines += ["", "fields:", *(line for column in guesses.columns for line in _field(column))]
    lines += ["", "rejects:", *_comment("  ", why)]
    return "\n".join([*lines, f"  max_share: {max_share:g} # more rejected rows than this, and nothing is loaded", ""])


def _key(guesses: Guesses) -> Iterator[str]:
    key = guesses.key
    if key is None:
        return
    names = plain(key.names[0]) if len(key.names) == 1 else f"[{', '.join(map(plain, key.names))}]"
    if key.certain:
        yield from _comment("", f"{key.evidence} A row that repeats an earlier one's key is rejected.")
        yield f"primaryKey: {names}"
    elif key.whole:
        yield from _comment("", f"{key.evidence} If they identify a row:")
        yield f"# primaryKey: {names} # then a row that repeats an earlier one's key is rejected"
    else:
        yield from _comment("", f"{key.evidence} If it identifies a row:")
        yield f"# primaryKey: {names} # then these rows are rejected"


def table_name(name: str) -> str:
    """Return the name of the table that a new contract loads."""
    return "raw." + re.sub(r"[^a-z0-9_]", "_", name.lower())


def _dialect(guesses: Guesses) -> Iterator[str]:
    layout = guesses.layout
    terms: dict[str, Any] = {}
    if layout.delimiter != "," and "format" not in layout.terms:
        terms["delimiter"] = layout.delimiter
    if not layout.header_line:
        terms["header"] = False
    if layout.header_line > 1 and layout.above:
        terms["headerRows"] = [layout.header_line]
        shown = " / ".join(line[:60] for line in layout.above[:5])
        yield from _comment("", f"The lines above the header, line {layout.header_line}, are not read: {shown}")
    if layout.encoding != "utf-8":
        yield from _comment("", layout.why)
        yield f"encoding: {layout.encoding}"
    terms |= layout.terms
    yield from _comment("", " ".join(layout.notes))
    if terms:
        yield f"dialect: {flow(terms)}"


def _field(column: Guess) -> Iterator[str]:
    yield from _comment("  ", " ".join(column.evidence))
    yield f"  - name: {plain(column.name)}"
    if column.label != column.name:
        yield f"    source: {flow(column.label)}"
    for key, value in column.terms.items():
        yield f"    {key}: {plain(value) if key == 'type' else flow(value)}"
    for key, value in column.offer.items():
        instead = "instead, " if key in column.terms else ""
        yield f"    # {key}: {flow(value)} # {instead}to reject rows with any other value"


def plain(word: str) -> str:
    """Return a word as YAML, in quotes only if it would be no text without them: `no`, `null`."""
    return word if yaml.safe_load(word) == word else flow(word)


def flow(value: Any) -> str:
    """Return a value as YAML on one line, text in double quotes."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(flow(item) for item in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str):
        return str(value)
    written: str = yaml.safe_dump(value, default_style='"', allow_unicode=True, width=10**9)
    return written.strip()


def _comment(indent: str, text: str) -> Iterator[str]:
    printable = "".join(sign if sign.isprintable() else "�" for sign in text)
    for line in wrap(printable, _WIDTH - len(indent), break_long_words=False, break_on_hyphens=False):
        yield f"{indent}# {line}"
