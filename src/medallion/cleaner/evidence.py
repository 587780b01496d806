"""What the lines of a file say of its encoding, if it is not the declared one.

A stray broken byte costs its own line. A file of which many lines cannot be decoded, and all of them read well in one
other encoding, is in that encoding: it is refused, as all rows with an accent would be missing.
"""

from __future__ import annotations

from collections import Counter

import polars as pl

from medallion.config.alphabets import LEAST, familiar
from medallion.errors import BadInput

CANDIDATES = (
    "cp1252", "cp1250", "iso-8859-2", "cp1251", "koi8-r", "cp866", "iso-8859-5", "cp1253", "iso-8859-7", "cp1254",
    "cp1257", "iso-8859-15", "mac-roman", "cp850", "cp852", "cp437", "cp932", "gb18030", "big5", "cp949", "euc-jp",
    "cp1255", "cp1256", "cp874", "utf-8",
)  # fmt: skip
FEWEST_LINES = 2
"""One line that cannot be decoded is a stray byte, whatever it reads like."""
LEAST_SHARE = 0.1
"""Of the lines beyond ASCII. Where most can be decoded, the file is as declared and the others are broken."""
READ_WELL = 0.9
"""Share of the broken lines that must read well: one of them may be broken in the other encoding too."""
_SAMPLE = 20_000
_DOUBT = 0.1
"""An encoding whose reading scores so much less than another's is no alternative to it."""
_FOREIGN = r"[\p{Cyrillic}\p{Greek}\p{Hebrew}\p{Arabic}\p{Thai}]"
_WIDE = r"[\p{Han}\p{Hangul}\p{Katakana}\p{Hiragana}]"
_ODD = "|".join(
    (
        r"[\p{Cc}--[\t\r\n]]|\p{Co}|\p{Cn}|[\x{FFFD}\x{A4}\x{2500}-\x{25FF}]",
        r"[\p{Ll}--[a-z]]\p{Lu}|\p{Ll}[\p{Lu}--[A-Z]]",
        rf"\p{{Latin}}{_FOREIGN}|{_FOREIGN}\p{{Latin}}",
        rf"[a-z]{_WIDE}|{_WIDE}[a-z]",
        r"\p{L}[^\p{L}\p{M}\x00-\x7F\x{A0}\x{AD}·’‑–—ªº]\p{L}",
        r"\p{L}[‚„†‡ˆ‰‹¡¿¢£¤¥¦§¨¬¯±´¶¸ƒ˜¼½¾×÷≤≥∞√∫≈∂∑∏∆◊]",
        "[ÿƒ]",
    )
)
"""What no text has: control characters, a capital behind a small letter, two scripts in a word, a sign in a word."""


class Evidence:
    """Gathers what blocks of lines say.

    Args:
        codec: The declared encoding.
    """

    def __init__(self, codec: str) -> None:
        self._codec = codec
        self._good = self._broken = 0
        self._first = 0
        self._well: Counter[str] = Counter()
        self._bytes = b""
        self._could_be_utf8 = codec not in ("utf-8", "utf-8-sig")

    def decoded(self, data: bytes, lines: int) -> None:
        """Note lines beyond ASCII that could be decoded, and their bytes."""
        self._good += lines
        self._check_utf8(data)

    def broken(self, lines: dict[int, bytes]) -> None:
        """Note the numbers of lines that could not be decoded."""
        if not lines:
            return
        self._first = self._first or min(lines)
        self._broken += len(lines)
        data = b"\n".join(lines.values())
        self._check_utf8(data)
        self._bytes += (data + b"\n")[: max(_SAMPLE - len(self._bytes), 0)]
        for codec in CANDIDATES if not self._well else self._well:
            read = pl.Series(data.decode(codec, "replace").split("\n"), dtype=pl.String)
            self._well[codec] += read.len() - int(read.str.contains(_ODD).sum())

    def _check_utf8(self, data: bytes) -> None:
        if self._could_be_utf8:
            try:
                data.decode("utf-8")
            except UnicodeDecodeError:
                self._could_be_utf8 = False

    @property
    def is_all_broken(self) -> bool:
        """Whether no line beyond ASCII could be decoded, and some were there."""
        return self._broken > 0 and not self._good

    @property
    def only_broken(self) -> int:
        """The number of the only line beyond ASCII, if it could not be decoded; else 0."""
        return self._first if self._broken == 1 and not self._good else 0

    def suspects(self) -> list[str]:
        """Return the encodings in which the broken lines read well, the likeliest first."""
        fits = [codec for codec in CANDIDATES if self._well[codec] >= READ_WELL * self._broken > 0]
        read = {codec: familiar(self._bytes.decode(codec, "ignore")) for codec in fits}
        scores = {codec: score for codec, (share, score) in read.items() if share >= LEAST}
        least = max(scores.values(), default=0.0) - _DOUBT
        return sorted((codec for codec, score in scores.items() if score >= least), key=lambda codec: -scores[codec])

    def judge(self, name: str) -> None:
        """Refuse a file that is in another encoding than declared; called when all of it was read.

        Raises:
            BadInput: It is, and this names the encoding.
        """
        if self._could_be_utf8 and self._good + self._broken:
            raise BadInput(
                f"{name} is in UTF-8, and its contract declares {self._codec}",
                "declare `encoding: utf-8` in the contract",
            )
        share = self._broken / max(self._good + self._broken, 1)
        if self._broken >= FEWEST_LINES and share >= LEAST_SHARE and self.suspects():
            raise BadInput(f"{name} is not in {self._codec}: {self.describe()}. Nothing was loaded", self.remedy())

    def readings(self) -> dict[str, str]:
        """Return the likeliest encoding of each reading of the first broken value."""
        found: dict[str, str] = {}
        for codec in self.suspects():
            found.setdefault(self._example(codec), codec)
        return found

    def describe(self) -> str:
        """Return which encodings the broken lines read well in, with an example of each."""
        examples = [f"{codec} (`{example}`)" for example, codec in self.readings().items()]
        lines = f"{self._broken} lines, from line {self._first} on," if self._broken > 1 else f"line {self._first}"
        return f"{lines} cannot be decoded and read well in {' or '.join(examples[:3])}"

    def remedy(self) -> str:
        """Return what to declare."""
        return (
            f"declare `encoding: {self.suspects()[0]}` in the contract if that reads right, or save the file as UTF-8"
        )

    def _example(self, codec: str) -> str:
        text = self._bytes.decode(codec, "replace")
        at = next((index for index, character in enumerate(text) if not character.isascii()), 0)
        begin = max(text.rfind(mark, 0, at) for mark in '\n,;\t|"') + 1
        return text[max(begin, at - 20) : at + 20].splitlines()[0].strip(' ,;\t|"')
