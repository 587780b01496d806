"""A column with its type as the contract has it: its keys, and the sentences that speak for them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from medallion.infer.column_type import Type, merged
from medallion.infer.enumeration import enumerated
from medallion.infer.guesses import Guess
from medallion.infer.junk import Junk
from medallion.infer.seen import Seen
from medallion.infer.wording import all_but, are, counted, ordered, share, typed, values


@dataclass(frozen=True)
class Judged:
    """A column between its counts and its guess: its type, and what it holds besides."""

    name: str
    seen: Seen
    type: Type
    junk: Junk
    why: str = ""

    @property
    def misfits(self) -> int:
        """Rows that are rejected so that the column has its type."""
        return self.type.misfits + self.junk.misfits.total()

    @property
    def rejected(self) -> int:
        """Those, and the headers that are repeated."""
        return self.misfits + self.junk.headers


def explained(one: Judged, words: set[str]) -> Guess:
    """Return the guess of a column with its evidence.

    Args:
        one: The column.
        words: Words that stand for no value in columns of text.
    """
    seen, candidate = one.seen, one.type.candidate
    if not seen.present:
        return Guess(one.name, seen.label, {}, (f"{share(seen.rows, seen.rows)} {are(seen.rows)} empty.",))
    sentences: list[str] = []
    terms: dict[str, Any] = {}
    offer: dict[str, Any] = {}
    if candidate is None:
        missing = Counter({word: rows for word, rows in seen.listed.items() if word in words})
        sentences += [values(seen), *one.type.notes, *([one.why] if one.why else [])]
        left = seen.listed - missing
        offer, listed = enumerated(seen, missing)
        sentences += [listed] if listed else []
        if left and not listed:
            sentences.append(f"{counted(left)}: text here; `missingValues` makes it no value.")
    else:
        missing = one.junk.words
        fit = seen.present - missing.total() - one.rejected
        sentences += [typed(seen, fit, candidate.what), *one.type.notes]
        if seen.spelling is not None and candidate.terms["type"] in ("integer", "number"):
            terms = merged(terms, seen.spelling.terms())
            sentences += list(_units(seen))
        terms = merged(candidate.terms, terms)
        if one.rejected:
            sentences.append(_refused(one))
    if missing:
        # The words are compared with the clean text.
        lower = {"case": "lower"} in terms.get("clean", ())
        words_ = [word.lower() if lower else word for word in ordered(missing)]
        terms["missingValues"] = ["", *dict.fromkeys(words_)]
        sentences.append(f"{counted(missing)}: no value.")
    if seen.missing:
        sentences.append(f"{seen.missing:,} {are(seen.missing)} empty.")
    if seen.padded and candidate is None:
        verb = "begins or ends" if seen.padded.rows == 1 else "begin or end"
        cut = "`clean: []` keeps them"
        sentences.append(f"{seen.padded.rows:,} {verb} with blanks (line {seen.padded.line}), which are cut: {cut}.")
    if not seen.missing and not missing and (candidate or not seen.listed):
        terms = merged({"constraints": {"required": True}}, terms)
        terms["constraints"] = terms.pop("constraints")
        offer = merged({"constraints": {"required": True}}, offer) if offer else offer
    return Guess(one.name, seen.label, terms, tuple(sentences), offer, one.rejected)


def _refused(one: Judged) -> str:
    """Return which rows are rejected for the sake of the type."""
    seen, found = one.seen, one.type
    examples = [found.example] if found.example else []
    words = sorted(one.junk.misfits, key=seen.first.__getitem__)
    examples += [f"line {seen.first[word]}: `{word[:30]}`" for word in words[:2]]
    examples += [f"line {seen.first[seen.title]}: the header again"] if one.junk.headers else []
    rows = one.rejected
    what = "The row with another value is" if rows == 1 else f"The {rows:,} rows with another value are"
    return f"{what} rejected ({', '.join(examples)})."


def _units(seen: Seen) -> list[str]:
    spelling = seen.spelling
    assert spelling is not None
    found = []
    if spelling.unit:
        verb = str(spelling.unit)
        zeros = f", or {are(spelling.zeros)} 0 without it ({spelling.zeros:,})" if spelling.zeros else ""
        found.append(f"{share(spelling.rows, spelling.rows + spelling.zeros)} {verb}{zeros}: it is taken away, and "
                     "another unit is rejected.")  # fmt: skip
    if spelling.brackets:
        found.append(f"{spelling.brackets:,} {are(spelling.brackets)} in brackets: `(5.00)` is -5.00.")
    if spelling.minus_last:
        verb = "ends" if spelling.minus_last == 1 else "end"
        found.append(f"{spelling.minus_last:,} {verb} with a minus: `5.00-` is -5.00.")
    return found


def almost(seen: Seen, found: Type, words: Counter[str]) -> str:
    """Return why a column is text though most of its values have a type."""
    assert found.candidate is not None
    examples = [found.example] if found.example else []
    examples += [f"line {seen.first[word]}: `{word[:30]}`" for word in sorted(words, key=seen.first.__getitem__)[:2]]
    rows = found.misfits + words.total()
    return all_but(rows, ", ".join(examples), found.candidate.what)
