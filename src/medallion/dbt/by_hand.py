"""Relations that SQL names by their schema although their own layer builds them: that is the data of an earlier run."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from medallion.errors import Misconfigured

_PART = r'(?:"(?:[^"]|"")+"|[\w$]+)'
_TOKENS = re.compile(
    rf"--[^\n]*|/\*.*?\*/|\{{#.*?#\}}|'(?:[^']|'')*'|(?P<token>{_PART}(?:\s*\.\s*{_PART})*|[(),;])", re.DOTALL
)
_OPENING = {"from", "join", "into", "update", "table", "using"}
"""A list of relations follows."""
_CLOSING = {"select", "where", "group", "having", "order", "set", "values", "returning", ";"}
_BEFORE = {*_OPENING, "only", "lateral", "(", ","}
"""What may be right before a relation in such a list."""


def refuse_in_code(results: Iterable[Any], relations: Collection[tuple[str, str]]) -> None:
    """Refuse models and tests that have read a relation of their own layer by its schema.

    Args:
        results: dbt's.
        relations: Schema and name of everything that the layer builds, as readers know it.

    Raises:
        Misconfigured: There is one.
    """
    for result in results:
        for name in _named(getattr(result.node, "compiled_code", None) or "", relations):
            _refuse(result.node, f"{result.node.name} reads", name, "Nothing was published")


def refuse_in_hooks(nodes: Iterable[Any], relations: Collection[tuple[str, str]]) -> None:
    """Refuse models with a hook that names a relation of their own layer by its schema, before it runs.

    Args:
        nodes: What the layer builds.
        relations: As for `refuse_in_code`.

    Raises:
        Misconfigured: There is one.
    """
    for node in nodes:
        for hook in (*node.config.pre_hook, *node.config.post_hook):
            for name in _named(hook.sql, relations):
                _refuse(node, f"a hook of {node.name} names", name, "Nothing was built")


def _refuse(node: Any, what: str, name: tuple[str, str], outcome: str) -> None:
    raise Misconfigured(
        f"{node.original_file_path}: {what} {'.'.join(name)} by a name written by hand: in its own layer that is the "
        f"data of an earlier run. {outcome}",
        f"write ref('{name[1]}')",
    )


def _named(code: str, relations: Collection[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield the relations that code names with their schema, where SQL has relations."""
    known = {(schema.lower(), name.lower()): (schema, name) for schema, name in relations}
    listing, outer, last = False, [], ""
    for match in _TOKENS.finditer(code):
        token = match["token"]
        if token is None:
            continue
        word = token.lower()
        if word == "(":
            outer.append(listing)
        elif word == ")":
            listing = outer.pop() if outer else False
        elif word in _OPENING:
            listing = True
        elif word in _CLOSING:
            listing = False
        elif listing and last in _BEFORE:
            parts = [part.strip().strip('"') for part in word.split(".")]
            found = known.get((parts[-2], parts[-1])) if len(parts) > 1 else None
            if found:
                yield found
        last = word
