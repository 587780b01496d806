"""What a text says under a field of a contract, read a second time: with Python's decimal, datetime and zoneinfo.

Written from docs/contracts.md. It imports nothing of Medallion, and uses no regular expression for a number.
"""

from __future__ import annotations

import re
import string
from datetime import date, datetime, timezone
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Any

SPACES = " \N{NO-BREAK SPACE}\N{THIN SPACE}\N{NARROW NO-BREAK SPACE}"
SIGNS = "$€£¥"


class Refused(Exception):
    """The text is no value of the field."""


def read(field: dict[str, Any], text: str) -> Any:
    """Return the value, or None for a missing one.

    Raises:
        Refused: The row is to be rejected.
    """
    for rule in field.get("clean", ["trim"]):
        text = cleaned(rule, text)
    constraints = field.get("constraints", {})
    if text in field.get("missingValues", [""]):
        if constraints.get("required"):
            raise Refused
        return None
    kind = field.get("type", "string")
    value: Any = text
    if kind == "integer":
        value = integer(field, text)
    elif kind == "number":
        value = number(field, text)
    elif kind == "boolean":
        value = boolean(field, text)
    elif kind in ("date", "datetime"):
        value = instant(field, text)
    check(constraints, text, value)
    if kind == "number" and "decimals" in field:
        value = value.quantize(Decimal(1).scaleb(-field["decimals"]), ROUND_HALF_UP, Context(prec=100))
    return value


def cleaned(rule: Any, text: str) -> str:
    if rule == "trim":
        return text.strip()
    if rule == "collapse_whitespace":
        return re.sub(r"\s+", " ", text)
    if rule == "currency":
        return amount(text)
    if "case" in rule:
        return text.upper() if rule["case"] == "upper" else text.lower()
    if "replace" in rule:
        return rule["replace"].get(text, text)
    return re.sub(rule["replace_pattern"], rule["by"].replace("$1", r"\1"), text)


def amount(text: str) -> str:
    """One currency sign goes, brackets and a minus behind become a minus in front."""
    if not set(text) - set(string.digits + ".,"):
        return text
    text = text.strip()
    for sign in SIGNS:
        for before in ("", "(", "+", "-"):
            if text.startswith(before) and text[len(before) :].lstrip().startswith(sign):
                rest = text[len(before) :].lstrip()[1:].lstrip()
                return negative(before + rest) if rest else text
    for behind in (")", "-", ""):
        body = text.removesuffix(behind) if text.endswith(behind) else ""
        if body and body[-1] in SIGNS:
            return negative(body[:-1].rstrip() + behind)
    return negative(text)


def negative(text: str) -> str:
    inner = None
    if text.startswith("(") and text.endswith(")"):
        inner = text[1:-1].strip()
    elif text.endswith("-"):
        inner = text[:-1].rstrip()
    if inner and inner[0] in string.digits + ".,'" and not set(inner) & set("()+-"):
        return f"-{inner}"
    return text


def integer(field: dict[str, Any], text: str) -> int:
    sign, digits = split_sign(bare(field, text))
    value = int(sign + whole(field, digits))
    if not -(2**63) <= value < 2**63:
        raise Refused
    return value


def number(field: dict[str, Any], text: str) -> Decimal:
    sign, digits = split_sign(bare(field, text))
    exponent = ""
    for letter in "eE":
        if letter in digits:
            digits, exponent = digits.split(letter, 1)
            power = exponent.removeprefix("+").removeprefix("-") if exponent[:1] in "+-" else exponent
            if not is_digits(power) or len(power) > 2:
                raise Refused
            break
    units, _, places = digits.partition(field.get("decimalChar", "."))
    if places and not is_digits(places):
        raise Refused
    if not units and not places:
        raise Refused
    units = whole(field, units) if units else "0"
    try:
        value = Decimal(f"{sign}{units}.{places or '0'}" + (f"e{exponent}" if exponent else ""))
    except InvalidOperation as error:
        raise Refused from error
    if "decimals" in field and abs(value) >= Decimal(10) ** (37 - field["decimals"]):
        raise Refused
    return value


def whole(field: dict[str, Any], digits: str) -> str:
    group = field.get("groupChar")
    marks = SPACES if group == " " else group or ""
    pieces = re.split(f"[{re.escape(marks)}]", digits) if marks else [digits]
    if not all(is_digits(piece) for piece in pieces):
        raise Refused
    if len(pieces) > 1 and (len(pieces[0]) > 3 or any(len(piece) != 3 for piece in pieces[1:])):
        raise Refused
    joined = "".join(pieces)
    if (len(joined) > 1 and joined[0] == "0") or (len(pieces) > 1 and pieces[0] == "0"):
        raise Refused
    return joined


def split_sign(text: str) -> tuple[str, str]:
    return (text[0], text[1:]) if text[:1] in ("+", "-") else ("", text)


def is_digits(text: str) -> bool:
    return bool(text) and not set(text) - set(string.digits)


def bare(field: dict[str, Any], text: str) -> str:
    """The number without the text around it, if the field allows text around it."""
    if field.get("bareNumber", True):
        return text
    marks = {field.get("decimalChar", "."), field.get("groupChar", "")} - {""}
    first = next((at for at, one in enumerate(text) if one in string.digits), None)
    if first is None:
        raise Refused
    last = max(at for at, one in enumerate(text) if one in string.digits)
    # What touches the digits is a part of the number: a decimal mark, a sign.
    if first and text[first - 1] == field.get("decimalChar", "."):
        first -= 1
    if first and text[first - 1] in "+-":
        first -= 1
    if last + 1 < len(text) and text[last + 1] == field.get("decimalChar", "."):
        last += 1
    for one in text[:first] + text[last + 1 :]:
        if one.isnumeric() or one in "+-()−–⁻₋➖±∓\xad.,'’" or (one in marks and not one.isspace()):
            raise Refused
    return text[first : last + 1]


def boolean(field: dict[str, Any], text: str) -> bool:
    if text in field.get("trueValues", ["true", "True", "TRUE", "1"]):
        return True
    if text in field.get("falseValues", ["false", "False", "FALSE", "0"]):
        return False
    raise Refused


def instant(field: dict[str, Any], text: str) -> date | datetime:
    """Every format that reads the text must read the same."""
    default = ["%Y-%m-%d"] if field["type"] == "date" else ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"]
    formats = field.get("format", default)
    found = set()
    for pattern in [formats] if isinstance(formats, str) else formats:
        value = by_python(pattern, text)
        if value is not None and 1000 <= value.year <= 9999:
            if field["type"] == "date" and value.time() != datetime.min.time():
                continue
            found.add(value.date() if field["type"] == "date" else value)
    if len(found) != 1:
        raise Refused
    return found.pop()


def by_python(pattern: str, text: str) -> datetime | None:
    """Python's strptime, where writing the value again gives the text."""
    # Python's %f takes six digits, and Medallion any number of zeros behind them.
    if re.search("%f(%z)?$", pattern) and (found := re.fullmatch(r"(.*[.,]\d{6})0+((?:[+-][\d:]+|Z)?)", text)):
        text = found[1] + found[2]
    if not text.isascii() or text != text.strip():
        return None
    if "%z" in pattern and re.search(r"[+-]\d\d$", text):
        text += "00"
    try:
        value = datetime.strptime(text, pattern)
    except ValueError:
        return None
    if normal(value.strftime(pattern), pattern) != normal(text, pattern):
        return None
    if value.tzinfo is not None:
        offset = value.utcoffset()
        if offset is None or abs(offset.total_seconds()) >= 16 * 3600:
            return None
        try:
            value = value.astimezone(timezone.utc).replace(tzinfo=None)
        except OverflowError:
            return None
    return value


def normal(text: str, pattern: str) -> str:
    """The text without what may differ: case, the spelling of an offset, zeros of a fraction, and lone zeros in front."""
    if any(name in pattern for name in ("%a", "%A", "%b", "%B", "%p")):
        text = text.lower()
    if "%z" in pattern:
        text = re.sub(r"[zZ]$", "+0000", text)
        text = re.sub(r"([+-]\d\d):(\d\d)$", r"\1\2", text).replace("-0000", "+0000")
    if "%f" in pattern:
        text = re.sub(r"([.,]\d*?)0+(?=$|[+-])", r"\1", text)
    # %H:%M:%S keeps its zeros in minutes and seconds; elsewhere a number of two digits may lack one.
    if "%V" in pattern:
        return text
    hour, colon, rest = text.partition(":")
    return re.sub(r"(?<!\d)0(\d)(?!\d)", r"\1", hour) + colon + rest


def check(constraints: dict[str, Any], text: str, value: Any) -> None:
    low, high = constraints.get("minimum"), constraints.get("maximum")
    if low is not None and comparable(value, low) < comparable(low, low):
        raise Refused
    if high is not None and comparable(value, high) > comparable(high, high):
        raise Refused
    if len(text) > constraints.get("maxLength", len(text)):
        raise Refused
    if "pattern" in constraints and not re.fullmatch(constraints["pattern"], text):
        raise Refused
    if "enum" in constraints and text not in constraints["enum"]:
        raise Refused


def comparable(value: Any, bound: Any) -> Any:
    if isinstance(value, datetime) or not isinstance(value, date):
        return Decimal(str(value)) if not isinstance(value, date) else value
    return datetime.combine(value, datetime.min.time()) if isinstance(bound, date) else value
