"""Text in columns of fixed widths: guessed if blanks between the columns leave no doubt, else refused."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from format_files import as_csv
from medallion.cleaner.formats.fixed_width import cut
from medallion.infer.proof import Proof, proved_contract
from medallion.infer.refusal import NotTabular

HEADER = ["id", "full name", "day", "amount"]
ROWS = [[f"{n:05}", "Ann Bo" if n % 2 else "Jo", f"2024-01-{n % 28 + 1:02}", f"{n / 4:.2f}"] for n in range(1, 60)]
WIDTHS = [8, 12, 12, 10]
RIGHT = [8, 12, 12, -10]
DOUBT = r"the columns below are not evident — write the contract by hand, with `dialect: \{format: fixed-width, widths"


def laid_out(rows: Sequence[Sequence[str]], widths: Sequence[int]) -> str:
    """Return rows in columns of these widths; a negative one has its values at the right."""
    return "".join(
        "".join(v.ljust(w) if w > 0 else v.rjust(-w) for v, w in zip(row, widths, strict=True)) + "\n" for row in rows
    )


def guessed(folder: Path, text: str, codec: str = "utf-8", **how: Any) -> tuple[dict[str, Any], Proof]:
    (folder / "a").write_bytes(text.encode(codec))
    made, proof = proved_contract("a", folder / "a", **how)
    return yaml.safe_load(made), proof


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        (laid_out([HEADER, *ROWS], WIDTHS), set()),
        (laid_out([HEADER], WIDTHS) + laid_out(ROWS, RIGHT), set()),
        (laid_out([HEADER, *ROWS], WIDTHS).replace("\n", "\r\n"), set()),
        (laid_out([HEADER, *ROWS, ["Total", "", "", "442.50"]], WIDTHS), {"skipLines"}),
        (laid_out([HEADER, ["-----", "------", "----------", "------"], *ROWS], WIDTHS), {"skipLines"}),
    ],
    ids=["left", "numbers at the right", "crlf", "total", "rule"],
)
def test_columns_between_blanks_are_those_of_the_same_csv(text: str, terms: set[str], tmp_path: Path):
    contract, proof = guessed(tmp_path, text)
    same, _ = guessed(tmp_path, as_csv(HEADER, ROWS).decode())
    dialect = contract.pop("dialect")
    assert {key: dialect.pop(key) for key in ("format", "widths")} == {"format": "fixed-width", "widths": WIDTHS}
    assert {*dialect} == terms
    assert contract == same
    assert (proof.counts.loaded, proof.counts.rejected) == (len(ROWS), 0)


def test_lines_without_blanks_at_their_end_are_padded(tmp_path: Path):
    text = "".join(f"{line.rstrip()}\n" for line in laid_out([HEADER, *ROWS], WIDTHS).splitlines())
    contract, proof = guessed(tmp_path, text)
    assert contract["dialect"] == {"format": "fixed-width", "widths": [8, 12, 12, 6], "shortRows": "pad"}
    assert (proof.counts.loaded, proof.counts.rejected) == (len(ROWS), 0)


def test_header_and_encoding_of_fixed_widths_may_be_given(tmp_path: Path):
    text = "Bericht\n\n" + laid_out([["id", "Städte"], *[[row[0], "Köln"] for row in ROWS]], [8, 12])
    contract, proof = guessed(tmp_path, text, "cp1252", header_row=3, encoding="cp1252")
    assert contract["dialect"] == {"headerRows": [3], "format": "fixed-width", "widths": [8, 12]}
    assert (contract["encoding"], proof.counts.loaded) == ("cp1252", len(ROWS))


@pytest.mark.parametrize(
    "text",
    [
        laid_out([HEADER, *ROWS * 20, ["1", "x" * 14, "2024-01-01", "1"]], WIDTHS),
        laid_out([HEADER, *ROWS[:5]], WIDTHS),
        laid_out([HEADER, *[[*row[:2], "", row[3]] for row in ROWS], *ROWS[:9]], WIDTHS),
        laid_out([["name", "amount"], *[[row[1], row[3]] for row in ROWS]], [12, -8]),
        laid_out([["name", "amount"], *[[row[1], "1" + row[0]] for row in ROWS]], [12, -8]),
        laid_out(ROWS, WIDTHS),
        laid_out([["id", "day", "name"]], [6, -12, 8]) + laid_out([[r[0], r[2], r[1]] for r in ROWS], [6, 12, 8]),
    ],
    ids=[
        "one line crosses",
        "few rows",
        "few values",
        "either column's blanks",
        "numbers of one length",
        "no header",
        "names",
    ],
)
def test_columns_in_doubt_are_refused_with_what_to_write(text: str, tmp_path: Path):
    with pytest.raises(NotTabular, match=DOUBT):
        guessed(tmp_path, text)


def test_one_column_with_a_name_of_two_words_stays_one(tmp_path: Path):
    contract, _ = guessed(tmp_path, "first name\n" + "anna\nbob\ncarl maria\n" * 20)
    assert [field["source"] for field in contract["fields"]] == ["first name"]


COLUMNS = st.tuples(
    st.sampled_from([-11, 11, -13, 13]),
    st.booleans(),
    st.lists(st.one_of(st.just(""), st.integers(0, 99999).map(str), st.sampled_from(["a", "New York", "2024-05-06"])),
             min_size=12, max_size=12),
)  # fmt: skip


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(COLUMNS, min_size=1, max_size=4))
def test_guessed_widths_cut_no_value(tmp_path: Path, columns: list[tuple[int, bool, list[str]]]):
    header = ["id", *(f"name{place}" for place in range(len(columns)))]
    widths = [6, *(width for width, _, _ in columns)]
    named = [6, *(abs(width) if at_left else width for width, at_left, _ in columns)]
    rows = [[str(100 + n), *values] for n, values in enumerate(zip(*(values for _, _, values in columns), strict=True))]
    first = laid_out([header], named)
    assume(first.split() == header)
    # A column of one value with a blank in it is two columns to everyone.
    assume(not any({*values} <= {"New York", ""} for _, _, values in columns))
    try:
        contract, _ = guessed(tmp_path, first + laid_out(rows, widths))
    except NotTabular:
        event("refused")
        return
    event("guessed")
    assert contract["dialect"]["format"] == "fixed-width"
    found = [cut(line, contract["dialect"]["widths"]) for line in laid_out(rows, widths).splitlines()]
    assert found == rows
