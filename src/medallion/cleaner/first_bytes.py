"""What the first bytes of a file say of its format: one that is surely another than declared is refused."""

from __future__ import annotations

import json
import zipfile

from medallion.config.format import Format
from medallion.config.formats import FORMATS
from medallion.config.sources.packed import ZIP
from medallion.config.sources.stream import Opened
from medallion.errors import BadInput

_OLE, _PARQUET = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"PAR1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_MARKS = b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"
_SAVE = "save it as an Excel workbook (.xlsx) or as CSV, and declare its format in the contract's `dialect`"


def check_format(source: Opened, declared: Format) -> None:
    """Refuse a file that is in another format than its contract declares.

    Raises:
        BadInput: It is; the remedy says what to declare.
    """
    if not source.stream.peek(1):
        if declared.is_text:
            return
        raise BadInput(f"{source.name} is empty, and its contract declares {declared.called}", "send the file again")
    found = find_format(source)
    if found == declared.format or (found is None and declared.is_text):
        return
    called = FORMATS[found].called if found else "text"
    if found is not None:
        remedy = f"declare `dialect: {{format: {found}}}` in the contract"
    else:
        remedy = "declare `dialect: {format: csv}` in the contract, with its delimiter, if the file is as it should be"
    raise BadInput(f"{source.name} is {called}, and its contract declares {declared.called}", remedy)


def find_format(source: Opened) -> str | None:
    """Return the format that the first bytes prove; None for text of any kind.

    Raises:
        BadInput: It is one that Medallion does not read.
    """
    head = source.stream.peek(1 << 16)
    if head.startswith(_OLE):
        raise _old_workbook(source)
    if head.startswith(_PARQUET):
        return "parquet"
    if head.startswith(ZIP) and source.stream.seekable():
        return _document(source)
    return _text(source, head)


def _old_workbook(source: Opened) -> BadInput:
    size, found, tail = 0, False, b""
    while not found and size < 1 << 26 and (data := source.stream.read(1 << 20)):
        found, size, tail = _ENCRYPTED in tail + data, size + len(data), data[-64:]
    if found:
        return BadInput(
            f"{source.name} is protected by a password",
            "save it without one, in Excel under File, Info, Protect Workbook",
        )
    return BadInput(f"{source.name} is in the format of Excel 97 to 2003 (.xls) or of another old program", _SAVE)


def _document(source: Opened) -> str:
    with zipfile.ZipFile(source.stream) as archive:
        names = archive.namelist()
    source.stream.seek(0)
    if any(name.lower().endswith("workbook.bin") for name in names):
        raise BadInput(f"{source.name} is a binary workbook (.xlsb)", _SAVE)
    if not any(name.lower().endswith("workbook.xml") for name in names):
        what = "a document of OpenDocument, such as .ods" if "mimetype" in names else "a document, and no workbook"
        raise BadInput(f"{source.name} is {what}", _SAVE)
    return "xlsx"


def _text(source: Opened, head: bytes) -> str | None:
    """Return `jsonl` for text whose first line is a JSON object."""
    for mark in _MARKS:
        head = head.removeprefix(mark)
    if head.lstrip()[:1] == b"[" and _is_array(head):
        raise BadInput(
            f"{source.name} is one JSON array",
            "write an object on each line (`jq -c '.[]' file.json`) and declare `dialect: {format: jsonl}`",
        )
    return "jsonl" if _is_object(head) else None


def _is_object(head: bytes) -> bool:
    line = head.replace(b"\0", b"").lstrip().partition(b"\n")[0]
    if not line.startswith(b"{"):
        return False
    try:
        # What makes an object is the same byte in each encoding.
        return isinstance(json.loads(line.decode("latin-1"), strict=False), dict)
    except (ValueError, RecursionError):
        return False


def _is_array(head: bytes) -> bool:
    """Return whether the text begins with an array of objects, and not with a value in brackets."""
    inner = head.replace(b"\0", b"").lstrip()[1:].lstrip()
    return inner.startswith((b"{", b"[", b"]"))
