"""Columns that the file does not have: products and constants, and what such a field may say."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from pydantic import Field

from medallion.config.datetimes import compile_formats
from medallion.config.model import ConfigModel, Identifier

if TYPE_CHECKING:
    from medallion.config.field import ContractField

_OF_A_PRODUCT = {"name", "title", "description", "type", "derive"}


class Derive(ConfigModel):
    """A column that the file does not have: a product of other columns, or the same value in every row."""

    multiply: tuple[Identifier, ...] | None = Field(None, min_length=2, description="Exact product of these fields.")
    constant: str | None = Field(None, description="The same value in every row; null by default.")


def check_derived(field: ContractField) -> None:
    """Refuse keys of a derived field that would be ignored.

    Raises:
        ValueError: There is one.
    """
    if field.derive is None:
        return
    if field.source is not None:
        raise ValueError(f"{field.name} is derived and has a `source` — keep one of them")
    if field.derive.multiply is None:
        return
    if field.derive.constant is not None:
        raise ValueError(f"{field.name} has `multiply` and `constant` — keep one of them")
    if "type" in field.model_fields_set and field.type != "number":
        raise ValueError(f"{field.name} is a product, and its type is {field.type} — write `type: number`")
    for name, known in type(field).model_fields.items():
        if name not in _OF_A_PRODUCT and getattr(field, name) != known.default:
            raise ValueError(
                f"{field.name} is a product, and `{known.alias or name}` would be ignored — remove it, and write it to "
                "the fields that are multiplied, or use a dbt model"
            )


def check_constant(field: ContractField, missing: tuple[str, ...]) -> None:
    """Refuse a constant that its own field rejects.

    Args:
        field: The field.
        missing: The contract's `missingValues`.

    Raises:
        ValueError: It does.
    """
    if field.derive is None or field.derive.multiply is not None or field.clean != ("trim",):
        return
    text = (field.derive.constant or "").strip()
    enum, pattern = field.constraints.enum, field.constraints.pattern
    if field.derive.constant is None or text in (missing if field.missing_values is None else field.missing_values):
        fits = not field.constraints.required
    else:
        fits = _is_value(field, text) and text in (enum or (text,)) and bool(re.fullmatch(pattern or "(?s:.*)", text))
    if not fits:
        raise ValueError(
            f"the constant {text[:40]!r} of {field.name} is rejected in each row — correct it, or its type"
        )


def _is_value(field: ContractField, text: str) -> bool:
    """Return whether a text may be a value of the field; the cleaner decides."""
    if field.type == "boolean":
        return text in (*field.true_values, *field.false_values)
    if field.type in ("date", "datetime"):
        formats = compile_formats(field.formats, field.type)
        return any(re.match(shape.pattern, text) for one in formats for shape in one.shapes)
    if field.type not in ("integer", "number") or field.group_char or not field.bare_number:
        return True
    if field.type == "integer":
        return re.fullmatch("[+-]?(0|[1-9][0-9]*)", text) is not None
    try:
        return Decimal(text.replace(field.decimal_char, ".")).is_finite()
    except InvalidOperation:
        return False
