"""What is written of each column: its type, its words for "no value", and what of the file speaks for them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

from medallion.infer.column_type import TEXT, Type
from medallion.infer.evidence import Evidence, gather
from medallion.infer.explain import Judged, almost, explained
from medallion.infer.guesses import Guesses
from medallion.infer.junk import (
    MOST_REJECTED,
    Junk,
    affordable,
    among_values,
    keeps_words,
    shared_words,
    sorted_out,
    spread,
)
from medallion.infer.layout import find_layout
from medallion.infer.names import identifiers
from medallion.infer.numbers import Signs, signs_of
from medallion.infer.primary import primary_key
from medallion.infer.seen import Seen
from medallion.infer.sheets import naming_others
from medallion.infer.typed import typed_columns
from medallion.infer.types import truth, type_of


def guess(path: Path, header_row: int | None = None, encoding: str | None = None, sheet: str | None = None) -> Guesses:
    """Read a whole file and guess what its columns are.

    Args:
        path: The file.
        header_row: The line that names the columns; None: to be found.
        encoding: How its text is encoded; None: to be found.
        sheet: The sheet of a workbook; None: the first that is not hidden.

    Raises:
        NotTabular: It cannot be read, has no rows, or its header is in doubt.
    """
    layout = find_layout(path, header_row, encoding, sheet)
    with naming_others(layout.others):
        return typed_columns(guesses_of(gather(path, layout)), path)


def guesses_of(evidence: Evidence) -> Guesses:
    """Decide what each column is by what was counted."""
    signs, shared = signs_of(evidence.layout.delimiter, evidence.columns), shared_words(evidence.columns)
    names = identifiers([seen.title for seen in evidence.columns])
    lines = evidence.layout.has_lines
    judged = [
        _judge(name, seen, signs, shared, lines=lines) for name, seen in zip(names, evidence.columns, strict=True)
    ]
    judged = _within(judged, evidence.rows)
    texts = [one.seen for one in judged if one.type.candidate is None]
    words = spread((one.junk.words for one in judged if one.type.candidate), texts)
    columns = tuple(explained(one, set() if keeps_words(one.seen) else words) for one in judged)
    key = primary_key(evidence.keys, columns, evidence.columns)
    return Guesses(evidence.layout, columns, evidence.rows, key)


def _judge(name: str, seen: Seen, signs: Signs, shared: set[str], *, lines: bool) -> Judged:
    nothing = Junk(Counter(), Counter())
    truths = seen.present - seen.listed.total()
    if (boolean := truth(seen)) is not None and 2 * truths > among_values(seen, truths):
        return Judged(name, seen, Type(boolean), Junk(Counter(seen.listed), Counter()))
    if not seen.digits or 2 * seen.digits < among_values(seen, seen.digits):
        return Judged(name, seen, TEXT, nothing)
    found = type_of(name, seen, signs)
    if found.candidate is None:
        return Judged(name, seen, found, nothing)
    junk, why = sorted_out(seen, shared, lines=lines)
    if junk is None:
        return Judged(name, seen, TEXT, nothing, why or almost(seen, found, seen.odd or Counter()))
    if not affordable(found.misfits + junk.misfits.total(), seen.digits, found.most_misfits):
        return Judged(name, seen, TEXT, nothing, almost(seen, found, junk.misfits))
    return Judged(name, seen, found, junk)


def _within(judged: list[Judged], rows: int) -> list[Judged]:
    """Make text of the columns that would reject too much of the file, those that reject most first."""
    left, kept = MOST_REJECTED * rows, {}
    for place, one in sorted(enumerate(judged), key=lambda pair: pair[1].misfits):
        left -= one.misfits
        kept[place] = one
        if one.misfits and left < 0:
            why = almost(one.seen, one.type, one.junk.misfits)
            kept[place] = replace(one, type=TEXT, junk=Junk(Counter(), Counter()), why=why)
    return [kept[place] for place in range(len(judged))]
