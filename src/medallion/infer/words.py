"""Words that people and programs write for lack of a value, and for yes and no."""

from __future__ import annotations

MARKS = ("NA", "N/A", "n/a", "#N/A", "null", "NULL", "None", "NaN", "nan")
"""Words for "no value" that programs write. They may be values in a column of text: `NA` is Namibia, Null a surname."""

ERRORS = ("#REF!", "#DIV/0!", "#VALUE!", "#NAME?", "#NULL!", "#NUM!", "#ERROR!")
NO_DATES = ("0000-00-00", "0000-00-00 00:00:00", "00/00/0000", "00.00.0000", "00-00-0000")
WITH_DIGITS = (*ERRORS, *NO_DATES)
"""What spreadsheets show for a formula without a result, and databases for no date."""

TRUTHS = (("true", "false"), ("yes", "no"), ("y", "n"), ("t", "f"))

_ANSWERS = frozenset(
    (
        *("na", "nil", "none", "unknown", "missing", "not known", "not available", "not applicable", "invalid"),
        *("tbd", "tba", "k.a.", "n.a."),
    )
)
"""Words for "no value" that may be an answer: of a survey, or the name of a country."""
LISTED = _ANSWERS | {
    *("n/a", "#n/a", "#na", "null", "nan", "undefined", "error", "no data", "\\n"),
    *map(str.lower, WITH_DIGITS),
}
"""Words for "no value", in small letters."""


def is_listed(word: str) -> bool:
    """Return whether a word stands for no value wherever numbers or dates are expected."""
    return word.lower() in LISTED or not any(map(str.isalnum, word))


def may_answer(word: str) -> bool:
    """Return whether a word for "no value" may be a value among other words."""
    return word.lower() in _ANSWERS or word in ("Null", "-")
