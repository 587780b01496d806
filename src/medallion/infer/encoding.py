"""The encoding of a file's text."""

from __future__ import annotations

import re
from pathlib import Path

from medallion.cleaner.evidence import Evidence
from medallion.cleaner.lines import line_blocks
from medallion.cleaner.recode import OtherEncoding
from medallion.config.encodings import canonical
from medallion.config.sources.csv import LocalFile
from medallion.config.sources.stream import opened
from medallion.errors import BadInput, StepFailure
from medallion.infer.refusal import HELP, NotTabular

UTF8 = "utf-8"
NOT_UTF8 = "is not UTF-8"
"""What the cleaner calls a line that it cannot decode."""
_AMOUNT = re.compile(r"[£€¥¢][0-9]")
_LETTER = re.compile(r"(?:^|[^\w])[^\W0-9_a-zA-Z][0-9]")


def encoding_name(name: str) -> str:
    """Return the name that a contract has for an encoding.

    Raises:
        NotTabular: It is unknown.
    """
    try:
        return canonical(name)
    except ValueError as error:
        raise NotTabular(f"{error}, {HELP}") from error


def find_encoding(path: Path, end: bytes = b"\n") -> tuple[str, str]:
    """Read all lines of a file and find its encoding.

    Args:
        path: A text file, plain or gzipped.
        end: What ends its lines.

    Returns:
        The encoding, and what speaks for it; nothing for UTF-8.

    Raises:
        NotTabular: It is not UTF-8, and reads well in several other encodings or in none.
    """
    evidence = Evidence(UTF8)
    try:
        with opened(LocalFile(path, path.name)) as input_:
            for _ in line_blocks(input_.stream, evidence=evidence, end=end):
                pass
        evidence.judge(path.name)
    except OtherEncoding as failure:
        return failure.encoding, failure.message
    except BadInput as failure:
        if (codec := _likeliest(evidence)) is not None:
            return codec, evidence.describe()
        doubtful = evidence.readings() or not failure.remedy
        remedy = "say which one it is with --encoding" if doubtful else failure.remedy
        raise NotTabular(f"{failure.message} — {remedy}, {HELP}") from failure
    except StepFailure as failure:
        raise NotTabular(f"{failure.message} — {failure.remedy}, {HELP}") from failure
    if evidence.is_all_broken and (codec := _likeliest(evidence)) is not None:
        # A run takes it for a stray byte. Where all else is ASCII, nothing speaks for UTF-8.
        return codec, evidence.describe()
    if evidence.only_broken == 1:
        # Only names of columns depend on it, which the contract shows.
        return (evidence.suspects() or ["cp1252"])[0], "Line 1 alone is not UTF-8: see the names of the columns."
    return UTF8, ""


def _likeliest(evidence: Evidence) -> str | None:
    """Return the encoding of the only reading; of several, of the one with a currency where others have a letter."""
    readings = evidence.readings()
    if len(readings) == 1:
        return evidence.suspects()[0]
    amounts = [codec for example, codec in readings.items() if _AMOUNT.search(example)]
    letters = [codec for example, codec in readings.items() if _LETTER.search(example)]
    return amounts[0] if len(amounts) == 1 and len(amounts) + len(letters) == len(readings) else None
