"""The rows of a sheet, each with its number and the texts of its cells."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from medallion.cleaner.workbook.number_formats import Kind
from medallion.cleaner.workbook.numbers import plain_instant, plain_number
from medallion.cleaner.workbook.package import Sheet, Workbook, local, text_of, unescaped
from medallion.config.formats.xlsx import LAST_ROW, column_number
from medallion.errors import BadInput

Row = tuple[int, dict[int, str]]
_DIGITS = "0123456789"


class Cells:
    """The cells of a sheet that hold something.

    Attributes:
        merged: How many ranges of cells are merged; known behind the last row. Their value is in the first cell.

    Args:
        workbook: The workbook.
        sheet: The sheet.
    """

    def __init__(self, workbook: Workbook, sheet: Sheet) -> None:
        self._workbook, self._sheet = workbook, sheet
        self._texts, self._kinds = workbook.shared_texts(), workbook.kinds()
        self._columns: dict[str, int] = {}
        self._locals: dict[str, str] = {}
        self.merged = 0

    def rows(self) -> Iterator[Row]:
        """Yield the number of each row, from 1 on, and its texts by the number of their column.

        Raises:
            BadInput: The sheet is damaged, or a cell has a formula that was never calculated.
        """
        number = 0
        for element in self._workbook.elements(self._sheet.part, ("row", "mergeCell")):
            if local(element.tag) == "mergeCell":
                self.merged += 1
                continue
            written, before = element.get("r"), number
            number = int(written) if written else number + 1
            if not before < number <= LAST_ROW:
                raise BadInput(
                    f"row {number} of the sheet {self._sheet.name!r} stands behind row {before}",
                    "open the workbook with Excel and save it",
                )
            yield number, dict(self._cells(element, number))

    def _cells(self, row: Element, number: int) -> Iterator[tuple[int, str]]:
        column = 0
        for cell in row:
            reference = cell.get("r")
            column = self._column(reference) if reference else column + 1
            try:
                text = self._text(cell)
            except (ValueError, IndexError, OverflowError) as error:
                raise BadInput(
                    f"the cell {reference or number} of the sheet {self._sheet.name!r} cannot be read: {error}",
                    "open the workbook with Excel and save it",
                ) from error
            if text:
                yield column, text

    def _column(self, reference: str) -> int:
        letters = reference.rstrip(_DIGITS)
        if letters not in self._columns:
            self._columns[letters] = column_number(letters)
        return self._columns[letters]

    def _text(self, cell: Element) -> str:
        kind, value, formula = cell.get("t", "n"), None, False
        for child in cell:
            name = self._locals.get(child.tag) or self._locals.setdefault(child.tag, local(child.tag))
            if name == "v":
                value = child.text or ""
            elif name == "is":
                return text_of(child)
            elif name == "f":
                formula = True
        if not value:
            # The value of a formula that gives an empty text is a text.
            if formula and (value is None or kind == "n"):
                raise ValueError("its formula has no value, as the workbook was never calculated")
            return ""
        if kind == "s":
            return self._texts[int(value)]
        if kind == "n":
            if formula and self._workbook.to_calculate and not float(value):
                # Programs that calculate nothing write 0, and have Excel calculate.
                raise ValueError("its formula has the value 0, and the workbook is to be calculated first")
            style = cell.get("s")
            shows = self._kinds[int(style)] if style and self._kinds else Kind.NUMBER
            if shows is Kind.NUMBER:
                return plain_number(value)
            return plain_instant(value, shows, from_1904=self._workbook.from_1904)
        if kind == "b":
            return "true" if value in ("1", "true") else "false"
        if kind == "d":
            return value.removesuffix("T00:00:00").removesuffix("Z")
        return unescaped(value)
