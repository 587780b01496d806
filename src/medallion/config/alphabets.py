"""Letters beyond ASCII by region and language, to find which of several encodings gives words that people write."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cache

_SIGNS = frozenset("\N{NO-BREAK SPACE}€£¥§°²³½¼«»“”„‘’–—…·•×©®™¿¡№")
LEAST = 0.7
"""A text of which less is familiar is in no region that is known here."""


@dataclass(frozen=True)
class _Region:
    """Languages that appear in one file. `weight` prefers the region where a text fits two."""

    alphabets: tuple[frozenset[str], ...]
    weight: float = 1.0


def _region(*alphabets: str, weight: float = 1.0) -> _Region:
    return _Region(tuple(map(frozenset, alphabets)), weight)


_REGIONS = (
    # German, French, Spanish, Portuguese, Italian, Danish and Norwegian, Swedish and Finnish, Dutch
    _region("äöüß", "àâæçéèêëîïôœùûü", "áéíñóúüºª", "àáâãçéêíóôõúºª", "àèéìíîòóùú", "æøåéäöü", "åäöéü",
            "áàâäçéèêëïíóöôúüû", weight=1.05),
    _region("áéíóúýþæðö", weight=0.9),  # Icelandic, which Turkish looks like in a western encoding
    # Polish, Czech, Slovak, Hungarian, Romanian, Croatian and Slovene, Albanian, German
    _region("ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüű", "ăâîșțşţ", "čćđšž", "çë", "äöüß"),
    _region("çğıöşüâîûi\u0307"),
    _region("ąčęėįšųūž", "āčēģīķļņšūž", "äõöüšž", weight=0.95),
    _region("абвгдежзийклмнопрстуфхцчшщъыьэюяё", "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя", "абвгдђежзијклљмнњопрстћуфхцчџш"),
    _region("αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰ"),
    _region("אבגדהוזחטיךכלםמןנסעףפץצקרשת", weight=0.95),
    _region("ءآأؤإئابةتثجحخدذرزسشصضطظعغفقكلمنهوىي", weight=0.95),
    _region("".join(map(chr, range(0xE01, 0xE5C))), weight=0.95),
)  # fmt: skip
_COMMON = {"gb2312": (0xB0, 0xD7), "big5": (0xA4, 0xC6), "cp932": (0x82, 0x97)}
_HANGUL = {"euc-kr": (0xB0, 0xC8)}
"""First bytes of the characters that these encodings list as the common ones."""


@cache
def _regions() -> tuple[_Region, ...]:
    return (*_REGIONS, _Region((_listed(_HANGUL),), 1.05), _Region((_listed(_COMMON),)))


def _listed(rows: dict[str, tuple[int, int]]) -> frozenset[str]:
    pairs = (
        (bytes((first, second)), codec)
        for codec, (lowest, highest) in rows.items()
        for first in range(lowest, highest + 1)
        for second in range(0x40, 0xFF)
    )
    listed = {pair.decode(codec, "ignore") for pair, codec in pairs}
    # One byte of Shift JIS may be a half-wide letter, which no text is made of.
    return frozenset(one for one in listed if len(one) == 1 and not "｡" <= one <= "ﾟ")


def familiar(text: str) -> tuple[float, float]:
    """Return how familiar the characters beyond ASCII of a text are.

    Returns:
        The share of them, 0 to 1, that the best fitting region has; and a score that also weighs whether one language
        of the region has them, to compare readings of one text.
    """
    found = Counter(letter for letter in text.lower() if not letter.isascii())
    total = max(found.total(), 1)
    signs = sum(found[sign] for sign in _SIGNS)
    best = (signs / total, signs / total)
    for region in _regions():
        known = [sum(count for letter, count in found.items() if letter in one) for one in region.alphabets]
        union = sum(count for letter, count in found.items() if any(letter in one for one in region.alphabets))
        share, single = (union + signs) / total, (max(known) + signs) / total
        best = max(best, (share, region.weight * (share + single) / 2), key=lambda pair: pair[1])
    return best
