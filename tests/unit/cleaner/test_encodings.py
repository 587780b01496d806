"""Words of many languages in their encodings: the right one is named, and broken bytes name none."""

from __future__ import annotations

import io
import os
import random

import pytest

from medallion.cleaner.evidence import Evidence
from medallion.cleaner.lines import line_blocks
from medallion.cleaner.records import Records
from medallion.config.dialect import Dialect
from medallion.errors import BadInput

pytestmark = pytest.mark.fuzz
TIMES = int(os.environ.get("MEDALLION_FUZZ", "1"))
SEED = int(os.environ.get("MEDALLION_SEED", "20261125"))
WORDS = {
    "cp1252": "Café Müller Ñandú Curaçao Straße Gültigkeit déjà Søren Jørgensen Ångström façade Peña São João élève",
    "iso-8859-15": "Café Müller Ñandú Curaçao Straße Gültigkeit déjà élève garçon hôtel Peña niño",
    "cp1250": "Dvořák Žluťoučký kůň Wałęsa święty Łódź źródło Győr Pécs Šibenik Niš čeština příliš",
    "iso-8859-2": "Wałęsa święty Łódź źródło książka żółty więcej będzie miłość zażółć gęślą jaźń",
    "cp1251": "Москва Санкт-Петербург Новосибирск улица Ленина Ёлкин Чайковский ООО Ромашка",
    "koi8-r": "Москва Санкт-Петербург Новосибирск улица Ленина Чайковский ООО Ромашка",
    "cp1253": "Αθήνα Θεσσαλονίκη Πάτρα Ηράκλειο οδός Ερμού Παπαδόπουλος",
    "cp1254": "İstanbul Işık Çağlar Öztürk Şahin Beyoğlu Kadıköy Diyarbakır",
    "mac-roman": "Café Müller Ñandú Curaçao Straße Gültigkeit déjà élève garçon",
    "cp850": "Café Müller Ñandú Curaçao Straße Gültigkeit déjà élève garçon",
    "cp932": "東京 カフェ ひらがな 株式会社 大阪市 さくら",
    "gb18030": "北京市 上海 有限公司 人民路 中国银行 广州",
    "cp949": "서울 부산광역시 주식회사 대한민국 김철수 인천",
}


def judge(data: bytes, codec: str = "utf-8") -> None:
    evidence = Evidence(codec)
    for _ in Records(line_blocks(io.BytesIO(data), 512, codec, evidence), Dialect()):
        pass
    evidence.judge("f.csv")


@pytest.mark.parametrize("codec", list(WORDS))
def test_the_encoding_of_a_file_is_named(codec: str):
    print(f"seed {SEED}")
    r = random.Random(f"{codec} {SEED}")
    for _ in range(10 * TIMES):
        words = [word for word in r.sample(WORDS[codec].split(), 5) if not word.isascii()]
        words = [*words, *WORDS[codec].split()[:2]]
        lines = [f"{at},{r.choice(['', 'plain ', '5 % '])}{word}" for at, word in enumerate(words)]
        lines += [f"{at},plain" for at in range(r.randint(0, 300))]
        r.shuffle(lines)
        text = "id,name\n" + "\n".join(lines) + "\n"
        with pytest.raises(BadInput) as caught:
            judge(text.encode(codec))
        named = caught.value.remedy.split("`")[1].removeprefix("encoding: ")
        assert text.encode(codec).decode(named) == text, (named, words, caught.value.message)
        judge(text.encode(codec), codec)


def test_a_broken_byte_in_utf8_names_no_encoding():
    print(f"seed {SEED}")
    r = random.Random(SEED)
    words = " ".join(WORDS.values()).split()
    for _ in range(20 * TIMES):
        lines = [f"{at},{r.choice(words)}".encode() for at in range(60)]
        for at in r.sample(range(60), 3):
            place = r.randint(0, len(lines[at]))
            lines[at] = lines[at][:place] + r.choice([b"\xff", b"\xc3", b"\xe2\x82", b"\x80"]) + lines[at][place:]
        judge(b"id,name\n" + b"\n".join(lines))
