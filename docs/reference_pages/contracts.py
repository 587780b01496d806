"""The page of the data contracts, of the model `medallion.config.contract.Contract`."""

from __future__ import annotations

from typing import Any, Literal, get_args, get_origin

import yaml
from pydantic import BaseModel

from medallion.config.contract import Contract, Dialect, Rejects
from medallion.config.field import Constraints, ContractField, Derive
from reference_pages.markdown import code, table

SECTIONS: tuple[tuple[str, type[BaseModel]], ...] = (
    ("Contract", Contract),
    ("dialect", Dialect),
    ("rejects", Rejects),
    ("Fields", ContractField),
    ("constraints", Constraints),
    ("derive", Derive),
)


def data_contracts() -> str:
    """Return the page, with a section for each model."""
    sections = "\n".join(f"## {title}\n\n{model.__doc__}\n\n{keys(model)}\n" for title, model in SECTIONS)
    return f"""# Data contract keys

The keys of a contract file. [Data contracts](../contracts.md) explains values, dates and encodings;
[cleaning rules](cleaning-rules.md) are the items of `clean`.

{sections}
"""


def keys(model: type[BaseModel]) -> str:
    """Return the table of a model's keys."""
    rows = [
        (code(field.alias or name), _default(field), f"{field.description or _section(field)}{_choices(field)}")
        for name, field in model.model_fields.items()
    ]
    return table("Key | Default | Description", rows)


def _default(field: Any) -> str:
    if field.is_required():
        return "required"
    value = list(field.default) if isinstance(field.default, tuple) else field.default
    if value is None or value == [] or isinstance(value, BaseModel):
        return ""
    return code(yaml.safe_dump([value], default_flow_style=True, width=1000).strip()[1:-1])


def _choices(field: Any) -> str:
    choices = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
    return f" One of {', '.join(map(code, choices))}." if len(choices) > 1 else ""


def _section(field: Any) -> str:
    """The description of a model of its own, which may be left out."""
    models = getattr(field.annotation, "__args__", (field.annotation,))
    return next(str(one.__doc__) for one in models if one is not type(None))
