"""The encoding of a file's text."""

from __future__ import annotations

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
        readings = evidence.readings()
        if len(readings) == 1:
            return evidence.suspects()[0], evidence.describe()
        raise NotTabular(f"{failure.message} — say which one it is with --encoding, {HELP}") from failure
    except StepFailure as failure:
        raise NotTabular(f"{failure.message} — {failure.remedy}, {HELP}") from failure
    if evidence.is_all_broken and len(evidence.readings()) == 1:
        # A run takes it for a stray byte. Where all else is ASCII, nothing speaks for UTF-8.
        return evidence.suspects()[0], evidence.describe()
    return UTF8, ""
