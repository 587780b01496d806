"""What the evidence says, in sentences for the comments of a contract."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from medallion.infer.candidates import Candidate
from medallion.infer.seen import Miss, Seen

_LISTED = 12
"""Values that a comment lists."""


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


def all_but(rows: int, where: str, what: str) -> str:
    """Return which few values keep a column from being of a type."""
    return f"All but {rows:,}{f' ({where})' if where else ''} are {what}: text keeps them."


def values(seen: Seen) -> str:
    """Return what a column of text holds."""
    have = f"{share(seen.present, seen.rows)} {'has' if seen.present == 1 else 'have'} a value"
    if seen.words is not None and len(seen.words) == 1:
        return f"{have}: always {shown(next(iter(seen.words)))}."
    length = (
        f"{characters(seen.shortest)} each" if seen.shortest == seen.longest else f"at most {characters(seen.longest)}"
    )
    return f"{have}: text of {length}."


def typed(seen: Seen, fit: int, what: str) -> str:
    """Return how many values a type takes."""
    return f"{share(fit, seen.rows)} {are(fit)} {what}."


def counted(words: Mapping[str, int], most: int = _LISTED) -> str:
    """Return words and how many rows have each, the most frequent first."""
    listed = ", ".join(f"{words[word]:,} {are(words[word])} {shown(word)}" for word in ordered(words)[:most])
    return listed + (f" and {len(words) - most:,} other words" if len(words) > most else "")


def ordered(words: Mapping[str, int]) -> list[str]:
    """Return words by how many rows have them, the most frequent first."""
    return sorted(words, key=lambda word: (-words[word], word))


def share(part: int, whole: int) -> str:
    """Return a number of rows out of all."""
    return f"All {whole:,}" if part == whole > 1 else f"{part:,} of {whole:,}"


def at(miss: Miss) -> str:
    """Return where a value is, and the value."""
    return f"line {miss.line}: {shown(miss.value)}"


def shown(value: str) -> str:
    """Return a value as a comment can show it: on one line, and short."""
    plain = "".join(sign if sign.isprintable() else "�" for sign in value)
    return f"`{plain[:30]}{'…' if len(plain) > 30 else ''}`"


def are(count: int) -> str:
    """Return the verb of so many."""
    return "is" if count == 1 else "are"


def rows_of(count: int) -> str:
    """Return so many rows."""
    return "1 row" if count == 1 else f"{count:,} rows"


def characters(count: int) -> str:
    """Return so many characters."""
    return "1 character" if count == 1 else f"{count:,} characters"
