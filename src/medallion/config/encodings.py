"""The encodings of text that a contract may declare."""

from __future__ import annotations

import codecs

ENCODINGS = (
    "utf-8", "utf-8-sig", "ascii", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be",
    *(f"cp{page}" for page in range(1250, 1259)), *(f"iso-8859-{part}" for part in range(1, 17) if part != 12),
    "cp437", "cp850", "cp852", "cp855", "cp858", "cp866", "cp874", "koi8-r", "koi8-u", "mac-roman",
    "shift_jis", "cp932", "euc-jp", "gbk", "gb2312", "gb18030", "big5", "euc-kr", "cp949", "tis-620",
)  # fmt: skip
"""Names as Python's documentation has them. Aliases, such as `latin-1` and `windows-1252`, are accepted too."""

_KNOWN = {codecs.lookup(name).name: name for name in ENCODINGS}


def canonical(name: str) -> str:
    """Return the name in `ENCODINGS` of an encoding.

    Raises:
        ValueError: It is unknown, or no encoding that files have.
    """
    try:
        return _KNOWN[codecs.lookup(name).name]
    except (LookupError, ValueError) as error:
        raise ValueError(f"unknown encoding {name!r} — known encodings: {', '.join(ENCODINGS)}") from error
