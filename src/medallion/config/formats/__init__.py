"""The formats of files, by name. A module of this folder is a format: one subclass of `Format` with its own terms.

There is no list of them. `medallion.cleaner.formats` has the reader of each, in a module of the same name. Delimited
text, `csv`, is the default and the model `medallion.config.dialect.Dialect`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from importlib import import_module
from operator import or_
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, Discriminator, Tag, TypeAdapter

from medallion.config.dialect import Dialect
from medallion.config.format import Format

DEFAULT = "csv"


def _discover() -> dict[str, type[Format]]:
    found: dict[str, type[Format]] = {DEFAULT: Dialect}
    for module in sorted(module.name for module in iter_modules(__path__)):
        members = vars(import_module(f"{__name__}.{module}")).values()
        (model,) = (one for one in members if isinstance(one, type) and one.__module__.endswith(f".{module}"))
        assert issubclass(model, Format)
        found[module.replace("_", "-")] = model
    return found


FORMATS: Mapping[str, type[Format]] = _discover()
"""All formats by name."""


def _tag(value: Any) -> str:
    found = value.get("format", DEFAULT) if isinstance(value, dict) else getattr(value, "format", DEFAULT)
    return str(found)


def _known(value: Any) -> Any:
    name = _tag(value)
    if name not in FORMATS:
        raise ValueError(f"no format {name!r} — there are: {', '.join(FORMATS)}")
    return value


if TYPE_CHECKING:
    AnyFormat = Format
else:
    AnyFormat = Annotated[
        reduce(or_, (Annotated[model, Tag(name)] for name, model in FORMATS.items())),
        Discriminator(_tag),
        BeforeValidator(_known),
    ]
_FORMATS: TypeAdapter[Format] = TypeAdapter(AnyFormat)


def parse_format(terms: Mapping[str, Any]) -> Format:
    """Return the format that terms of a contract's `dialect` describe."""
    return _FORMATS.validate_python(dict(terms))
