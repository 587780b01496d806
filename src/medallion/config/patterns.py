"""Regular expressions that mean the same to Python, which checks them, and to the cleaner's engine, which runs them."""

from __future__ import annotations

import re

_ONLY_PYTHON = re.compile(r"\(\?(=|!|<=|<!|P=|>|\(|#|[a-z]*x)|\\[1-9ZN]|[*+?}]\+|\{,|\(\?[aLu]")
_SET = re.compile(r"(?<!\\)(?:\\\\)*\[(\^?\]?(?:\\.|[^\]\\])*)\]", re.DOTALL)
_NESTED = re.compile(r"(?<!\\)(?:\\\\)*(\[|&&|--|~~)")
"""What is a nested set or a difference of sets to the cleaner's engine, and letters to Python."""
_REMEDY = "rewrite it without look-around, back-references, (?>…), (?x), a++, {,n} and \\Z"


def check_pattern(value: str) -> str:
    """Return a regular expression that both Python and the cleaner's engine understand.

    Raises:
        ValueError: It is no regular expression, or the engines read it differently.
    """
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"{value!r} is no regular expression: {error} — try it at a Python prompt") from error
    for found in _SET.finditer(value):
        if _NESTED.search(found[1]):
            raise ValueError(f"{value!r} has a set inside a set, {found[0]} — escape [ & - and ~ with \\")
    if _ONLY_PYTHON.search(value):
        raise ValueError(f"{value!r} looks around or back, or has another part that only Python reads — {_REMEDY}")
    return value


def check_replacement(pattern: str, by: str) -> None:
    """Check that a replacement names only groups that its pattern has.

    Raises:
        ValueError: It names another group, which the cleaner's engine would take for an empty text.
    """
    groups = re.compile(pattern)
    known = {*map(str, range(groups.groups + 1)), *groups.groupindex}
    for found in re.finditer(r"\$\$|\$\{([^}]*)\}|\$([0-9A-Za-z_]+)", by):
        name = found[1] if found[1] is not None else found[2]
        if name is not None and name not in known:
            raise ValueError(
                f"{by!r} names the group {name!r}, which {pattern!r} lacks — write ${{1}} for its first group"
            )
    if re.search(r"\\[0-9]", by):
        raise ValueError(f"{by!r} has a back-reference of another language — write ${{1}} for the first group")
