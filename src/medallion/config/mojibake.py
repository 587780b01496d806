"""Text that was written as UTF-8 and read as Windows-1252 or Latin-1 (`SÃ¡nchez`), as it was meant (`Sánchez`).

ftfy judges whether a text is such (https://ftfy.readthedocs.io/en/latest/heuristic.html). What it would make of it is
taken only if reading it wrongly again gives the very text that was found: so nothing but that one mistake is undone,
and nothing is lost or guessed.
"""

from __future__ import annotations

import ftfy
import polars as pl

from medallion.config.alphabets import familiar

# What UTF-8's first bytes look like when they are taken for letters, and something beyond ASCII behind.
_SUSPECT = r"[\u{C2}-\u{F4}][^\x00-\x7F]"
_LAYERS = 3
"""Files that went through several wrong hands; each reads the mistake of the one before wrongly again."""
_CONFIG = ftfy.TextFixerConfig(
    restore_byte_a0=False, replace_lossy_sequences=False, decode_inconsistent_utf8=False, fix_c1_controls=False
)


def fixed(text: str) -> str:
    """Return the text as it was meant, or the text itself if it is not surely mojibake."""
    meant = ftfy.fix_encoding(text, config=_CONFIG)
    wrong = meant
    for _ in range(_LAYERS):
        # ftfy's codec: Windows-1252 with Latin-1's controls in its five holes, as everybody decodes it.
        wrong = wrong.encode("utf-8").decode("sloppy-windows-1252")
        if wrong == text:
            return text if _reads_better(text, meant) else meant
    return text


def _reads_better(text: str, meant: str) -> bool:
    """Whether a text is of one region's letters and signs and its repair is not: `aÉ¡` would become `aɡ`."""
    return familiar(text)[0] == 1 and familiar(meant)[0] < 1


def fix_mojibake(texts: pl.Series) -> pl.Series:
    """Repair a series of texts; only the few that could be mojibake are looked at one by one."""
    suspect = texts.str.contains(_SUSPECT).fill_null(False)
    if not suspect.any():
        return texts
    repaired = pl.Series([fixed(text) for text in texts.filter(suspect)], dtype=pl.String)
    return texts.clone().scatter(suspect.arg_true(), repaired)
