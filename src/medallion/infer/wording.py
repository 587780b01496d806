"""What the evidence says, in sentences for the comments of a contract."""

from __future__ import annotations

from collections.abc import Iterator

from medallion.infer.candidates import CANDIDATES, Candidate
from medallion.infer.evidence import Miss, Seen

_NEAR = 0.1
_LISTED = 80
"""Characters of a list of all values."""


def against(chosen: Candidate, seen: Seen) -> Iterator[str]:
    """Return which value decided between the day and the month first."""
    pattern = chosen.terms.get("format", "")
    other = pattern.replace("%d", "%0").replace("%m", "%d").replace("%0", "%m")
    for candidate, miss in seen.misses.items():
        if candidate.terms.get("format") == other != pattern:
            yield f"Not {other}: {at(miss)}."


def ambiguous(fitting: list[Candidate]) -> str:
    """Return which formats fit a column of text."""
    formats = " and ".join(f"`{candidate.terms['format']}`" for candidate in fitting)
    fit = {1: "fits", 2: "both fit"}.get(len(fitting), "all fit")
    doubt = next((f", and {candidate.doubt}" for candidate in fitting if candidate.doubt), "")
    remedy = f"`type: {fitting[0].terms['type']}` with one of them as `format`" if len(fitting) > 1 else "a type"
    return f"{formats} {fit} every value{doubt}: text until you write {remedy}."


def near(seen: Seen, values: int) -> Iterator[str]:
    """Return which few values keep a column from being of a type."""
    near = [
        (miss.rows, CANDIDATES.index(candidate), miss)
        for candidate, miss in seen.misses.items()
        if candidate not in seen.hopeless and not candidate.doubt and miss.rows <= max(1, _NEAR * values) < values
    ]
    if near:
        rows, place, miss = min(near, key=lambda one: one[:2])
        yield f"All but {rows:,} ({at(miss)}) are {CANDIDATES[place].what}: text keeps them."


def sentence(seen: Seen, chosen: Candidate | None, marks: dict[str, int]) -> str:
    """Return what a column holds and how much of it fits its type."""
    counts = ", ".join(f"{rows:,} {are(rows)} `{word}`" for word, rows in marks.items())
    if chosen is None:
        only = ", ".join(_shown(word) for word in sorted(seen.words or ()))
        what = f"only {only}" if only and len(only) <= _LISTED else f"text, the longest of {seen.longest:,} characters"
        kept = f" {counts}: text here; `missingValues` makes it no value." if counts else ""
        return f"{seen.present:,} of {seen.rows:,} have a value: {what}.{kept}"
    fit = seen.present - sum(marks.values())
    length = ""
    if chosen.terms["type"] in ("integer", "number"):
        length = f", at most {seen.longest:,} characters long"
    gone = f" {counts}: no value." if counts else ""
    return f"{fit:,} of {seen.rows:,} are {chosen.what}{length}.{gone}"


def at(miss: Miss) -> str:
    """Return where a value is, and the value."""
    return f"line {miss.line}: {_shown(miss.value)}"


def _shown(value: str) -> str:
    """A value as a comment can show it: on one line, and short."""
    plain = "".join(sign if sign.isprintable() else "�" for sign in value)
    return f"`{plain[:30]}{'…' if len(plain) > 30 else ''}`"


def are(count: int) -> str:
    """Return the verb of so many."""
    return "is" if count == 1 else "are"
