"""Mojibake: repaired when the text surely is mojibake; text that only looks odd stays as it is."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medallion.config.mojibake import fix_mojibake, fixed

NAMES = (
    "Köln 😀", "東京", "Ελλάδα", "עברית",
    "Sánchez", "Reátegui Alayo", "François", "Muñoz", "Côte d'Ivoire", "São Tomé and Príncipe", "Dvořák", "Ødegård",
    "Łódź", "Straße", "Ærø", "Þórður", "Şükrü", "Cœur", "Ñuñoa", "Ängelholm", "à la carte", "l’été", "Müller – Söhne",
)  # fmt: skip
ALPHABETS = {
    "German": "aberntzäöüßÄÖÜ",
    "French": "aberntéèêëàâçîïôûùÉÈÀÇ",
    "Spanish": "abelnrtáéíóúñüÁÉÍÓÚÑ¿¡",
    "Portuguese": "abelnrtáâãàçéêíóôõúÃÕÇ",
    "Czech": "abelnrtáčďéěíňóřšťúůýžŠŽČ",
    "Scandinavian": "abelnrtåäöæøÅÄÖÆØ",
    "Polish": "abelnrtąćęłńóśźżŁŚŻ",
}
SIGNS = " '-.,&°§£€®©™“”–"


def mangled(text: str, times: int = 1) -> str:
    for _ in range(times):
        text = text.encode("utf-8").decode("sloppy-windows-1252")
    return text


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("times", [1, 2])
def test_mis_decoded_name_is_repaired_however_often_it_happened(name: str, times: int):
    assert mangled(name) != name
    assert fixed(mangled(name, times)) == name


@pytest.mark.parametrize(
    "text",
    [*NAMES, "CAFÉ®", "SÃO PAULO", "Ã", "Â", "50 €", "Åke ©", "Nº 5", "Ελλάδα", "Россия", "東京", "עברית", "ÀÉÎÕÜ", "Ã…", "Å’uvre", "München SÃ¼d", "aÉ¡ "],
)  # fmt: skip
def test_fix_mojibake_keeps_correct_and_uncertain_text(text: str):
    assert fixed(text) == text


@given(
    st.sampled_from(sorted(ALPHABETS)).flatmap(
        lambda language: st.text(st.sampled_from(ALPHABETS[language] + " "), max_size=30)
    ),
    st.text(st.sampled_from(SIGNS), max_size=3),
)
def test_no_word_of_a_languages_own_letters_is_changed(word: str, sign: str):
    assert fixed(word + " " + sign) == word + " " + sign


@given(st.text(st.characters(max_codepoint=0x2122, exclude_categories=["Cs"]), max_size=20))
def test_what_is_changed_can_be_changed_back(text: str):
    assert text in (fixed(text), mangled(fixed(text)), mangled(fixed(text), 2), mangled(fixed(text), 3))


def test_a_column_keeps_its_order_its_gaps_and_all_other_values():
    column = pl.Series(["Ann", None, "JosÃ©", "", "José", "Ã‰tienne"])
    assert fix_mojibake(column).to_list() == ["Ann", None, "José", "", "José", "Étienne"]
