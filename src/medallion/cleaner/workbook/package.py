"""The parts of a workbook: its sheets, shared texts and number formats. A workbook is a zip archive of XML."""

from __future__ import annotations

import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, cast
from xml.etree.ElementTree import Element, ParseError, XMLPullParser

from medallion.cleaner.workbook.number_formats import Kind, kind_of
from medallion.config.sources.packed import damaged
from medallion.errors import BadInput

_CHUNK = 1 << 13
"""Bytes of XML at a time: the garbage collector looks at all elements that wait."""
_MOST_PENDING = 64 << 20
"""Bytes of XML without the end of an element that is waited for: no row and no text of Excel is so long."""
_MOST_TEXT = 256 << 20
"""Bytes of XML of the shared texts, which are held in memory."""
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")


@dataclass(frozen=True)
class Sheet:
    """A sheet as the workbook lists it."""

    name: str
    part: str
    hidden: bool
    has_cells: bool


class Workbook:
    """An open workbook.

    Attributes:
        sheets: In their order.
        from_1904: Whether days are counted from 1904.
        to_calculate: Whether Excel is to calculate it when it opens it, as programs ask for that write no values.

    Args:
        file: The file.
        name: What people call it.

    Raises:
        BadInput: It is damaged.
    """

    def __init__(self, file: IO[bytes], name: str) -> None:
        self.name = name
        with self._reading("its list of parts"):
            self._archive = zipfile.ZipFile(file)
            # Names are the same in any case, and some programs write those of Windows.
            self._names = {one.replace("\\", "/").lower(): one for one in self._archive.namelist()}
        main = next(
            (part for kind, part in self._relations("").values() if kind == "officeDocument"), "xl/workbook.xml"
        )
        self._parts = self._relations(main)
        self.sheets: list[Sheet] = []
        self.from_1904 = self.to_calculate = False
        for element in self.elements(main, ("sheet", "workbookPr", "calcPr")):
            if local(element.tag) == "workbookPr":
                self.from_1904 = element.get("date1904", "0") in ("1", "true")
                continue
            if local(element.tag) == "calcPr":
                self.to_calculate = element.get("fullCalcOnLoad", "0") in ("1", "true")
                continue
            reference = next((value for key, value in element.attrib.items() if local(key) == "id"), "")
            kind, part = self._parts.get(reference, ("", ""))
            hidden = element.get("state", "visible") != "visible"
            self.sheets.append(Sheet(element.get("name", ""), part, hidden, kind == "worksheet"))

    def shared_texts(self) -> list[str]:
        """Return the texts that cells refer to by number."""
        part = self._part("sharedStrings")
        if part is None:
            return []
        if self._archive.getinfo(self._names[part.lower()]).file_size > _MOST_TEXT:
            raise BadInput(f"{self.name} has more than {_MOST_TEXT >> 20} MiB of text", "split it, or save it as CSV")
        return [text_of(element) for element in self.elements(part, ("si",))]

    def kinds(self) -> list[Kind]:
        """Return what each style shows: a number, a date, a time of the day, or a duration."""
        part = self._part("styles")
        if part is None:
            return []
        codes: dict[int, str] = {}
        kinds: list[Kind] = []
        for element in self.elements(part, ("numFmt", "cellXfs")):
            if local(element.tag) == "numFmt":
                codes[int(element.get("numFmtId", "0"))] = element.get("formatCode", "")
            else:
                formats = [int(one.get("numFmtId", "0")) for one in element if local(one.tag) == "xf"]
                kinds = [kind_of(one, codes.get(one)) for one in formats]
        return kinds

    def elements(self, part: str, names: tuple[str, ...]) -> Iterator[Element]:
        """Yield the elements of some local names of a part, each complete. They are emptied behind you.

        Raises:
            BadInput: The part is missing or damaged.
        """
        with self._reading(part):
            parser = XMLPullParser(("start", "end"))
            wanted: dict[str, bool] = {}
            root: Element | None = None
            pending = 0
            with self._archive.open(self._names[part.lower()]) as stream:
                while data := stream.read(_CHUNK):
                    parser.feed(data)
                    pending += len(data)
                    found: list[Element] = []
                    for event, element in cast(Iterator[tuple[str, Element]], parser.read_events()):
                        if event == "start":
                            root = element if root is None else root
                            continue
                        if element.tag not in wanted:
                            wanted[element.tag] = local(element.tag) in names
                        if wanted[element.tag]:
                            yield element
                            element.clear()
                            found.append(element)
                    if found and root is not None:
                        pending = 0
                        _forget(root, found)
                    if pending > _MOST_PENDING:
                        raise BadInput(f"{part} of {self.name} is no sheet of Excel", "save it with Excel, or as CSV")
            parser.close()

    def _part(self, wanted: str) -> str | None:
        there = (part for kind, part in self._parts.values() if kind == wanted and part.lower() in self._names)
        return next(there, None)

    def _relations(self, part: str) -> dict[str, tuple[str, str]]:
        """Return the kind and the part of each relation of a part, by its id."""
        folder, name = posixpath.split(part)
        of = posixpath.join(folder, "_rels", f"{name}.rels")
        if of.lower() not in self._names:
            return {}
        found = {}
        for element in self.elements(of, ("Relationship",)):
            target = element.get("Target", "")
            target = target[1:] if target.startswith("/") else posixpath.normpath(posixpath.join(folder, target))
            found[element.get("Id", "")] = (element.get("Type", "").rpartition("/")[2], target)
        return found

    @contextmanager
    def _reading(self, part: str) -> Iterator[None]:
        try:
            yield
        except KeyError as error:
            raise damaged(self.name, "workbook", f"{part} is missing") from error
        except (zipfile.BadZipFile, zlib.error, EOFError, ParseError, NotImplementedError, ValueError) as error:
            raise damaged(self.name, "workbook", f"{part}: {error}") from error
        except RuntimeError as error:  # zipfile's, of a part with a password
            raise BadInput(f"{self.name} is protected by a password", "save it without one") from error


def _forget(root: Element, found: list[Element]) -> None:
    """Take elements that are done out of the tree: memory and the garbage collector's work would grow with them."""
    for parent in (root, *root):
        if len(parent) and parent[0] is found[0]:
            del parent[: len(found)]
            return


def local(tag: str) -> str:
    """Return a name without its namespace: those of the two editions of the standard differ."""
    return tag.rpartition("}")[2]


def text_of(element: Element) -> str:
    """Return the text of a rich or plain text, without what only helps to read Japanese aloud."""
    texts = []
    for child in element:
        name = local(child.tag)
        if name == "t":
            texts.append(child.text or "")
        elif name == "r":
            texts += [one.text or "" for one in child if local(one.tag) == "t"]
    return unescaped("".join(texts))


def unescaped(text: str) -> str:
    """Return a text with the characters that XML cannot hold, which Excel writes as `_x000D_`."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text
