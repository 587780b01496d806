"""Letters beyond ASCII by language, to tell which of several encodings gives words that a language has."""

from __future__ import annotations

from collections import Counter
from functools import cache

ALPHABETS = tuple(
    frozenset(letters)
    for letters in (
        "äöüß", "àâæçéèêëîïôœùûü", "áéíñóúüºª", "àáâãçéêíóôõúºª", "àèéìíîòóùú", "æøåéäöü", "åäöéü", "áéíóúýþæðö",
        "áàâäçéèêëïíóöôúüû", "ąćęłńóśźż", "áčďéěíňóřšťúůýžäöü", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüű", "ăâîșțşţ", "čćđšž",
        "çğıöşüâîû", "ąčęėįšųūž", "āčēģīķļņšūž", "äõöüšž", "çëëàè", "ċġħżàèéìòù", "ĉĝĥĵŝŭ",
        "абвгдежзийклмнопрстуфхцчшщъыьэюяё№", "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя’", "абвгдђежзијклљмнњопрстћуфхцчџш",
        "αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰ", "אבגדהוזחטיךכלםמןנסעףפץצקרשת", "ءآأؤإئابةتثجحخدذرزسشصضطظعغفقكلمنهوىي",
    )
)  # fmt: skip
_SIGNS = frozenset("€£¥§°²³½¼«»“”„‘’–—…·•×©®™¿¡№")
_COMMON = {"gb2312": (0xB0, 0xD7), "big5": (0xA4, 0xC6), "cp932": (0x82, 0x97), "euc-kr": (0xB0, 0xC8)}
"""First bytes of the characters that these encodings list as the common ones."""
LEAST = 0.7
"""A text of which less is familiar is in no language that is known here."""


@cache
def _wide() -> frozenset[str]:
    pairs = (
        (bytes((first, second)), codec)
        for codec, (lowest, highest) in _COMMON.items()
        for first in range(lowest, highest + 1)
        for second in range(0x40, 0xFF)
    )
    common = {pair.decode(codec, "ignore") for pair, codec in pairs}
    # One byte of Shift JIS may be a half-wide letter, which no text is made of.
    narrow = frozenset(map(chr, range(0xFF61, 0xFFA0)))
    return frozenset(one for one in common if len(one) == 1) - narrow | frozenset(map(chr, range(0xE01, 0xE5C)))


def familiar(text: str) -> float:
    """Return the share, 0 to 1, of a text's characters beyond ASCII that the best fitting language has."""
    found = Counter(letter for letter in text.lower() if not letter.isascii())
    signs = sum(found[sign] for sign in _SIGNS)
    known = (sum(found[letter] for letter in alphabet - _SIGNS) for alphabet in (*ALPHABETS, _wide() & found.keys()))
    return (max(known) + signs) / max(found.total(), 1)
