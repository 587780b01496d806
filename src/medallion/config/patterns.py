"""Regular expressions that mean the same to Python, which checks them, and to the cleaner's engine, which runs them."""

from __future__ import annotations

import re

_ONLY_PYTHON = re.compile(r"\(\?(=|!|<=|<!|P=|>|\(|#|[a-z]*x)|[*+?}]\+|\(\?[a-zA-Z]*[aL]|\(\?u")
_SET = re.compile(r"(?<!\\)(?:\\\\)*\[(\^?\]?(?:\\.|[^\]\\])*)\]", re.DOTALL)
_NESTED = re.compile(r"(?<!\\)(?:\\\\)*(\[|&&|--|~~)")
"""What is a nested set or a difference of sets to the cleaner's engine, and letters to Python."""
_PART = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\{[^}]*\}?|.", re.DOTALL)
_ESCAPE = re.compile(r"\\(?:[0-9ZN<>]|[^\x00-\x7F])")
"""An octal number, a back-reference or a letter to Python; to the cleaner's engine an error or the end of a word."""
_ESCAPE_IN_SET = re.compile(r"(?<!\\)(?:\\\\)*\\(?:[0-9b<>]|[^\x00-\x7F])")
_REPEAT = re.compile(r"\{[0-9]+(,[0-9]*)?\}")
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
    for found in _PART.finditer(value):
        part = found[0]
        if part.startswith("{") and not _REPEAT.fullmatch(part):
            raise ValueError(f"{value!r} has a brace that repeats nothing: {part[:40]!r} — write \\{{ for a brace")
        if _ESCAPE.fullmatch(part) or (part.startswith("[") and _ESCAPE_IN_SET.search(part)):
            raise ValueError(f"{value!r} has {part[:40]!r}, which only Python reads — write \\x00 for NUL, < for \\<")
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
