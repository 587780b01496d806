"""The table of a model's keys."""

from __future__ import annotations

import json
from typing import Any, Literal, get_args, get_origin

import yaml
from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from reference_pages.markdown import code, table


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
    value = to_jsonable_python(field.default)
    if value in (None, [], {}) or isinstance(field.default, BaseModel):
        return ""
    return code(yaml.safe_dump([value], default_flow_style=True, width=1000).strip()[1:-1])


def _choices(field: Any) -> str:
    choices = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
    written = [one if str(one).isprintable() else json.dumps(one) for one in choices]
    return f" One of {', '.join(map(code, written))}." if len(choices) > 1 else ""


def _section(field: Any) -> str:
    """The description of a model of its own, which may be left out."""
    models = [one for one in (field.annotation, *get_args(field.annotation)) if isinstance(one, type)]
    return next((" ".join(str(one.__doc__).split()) for one in models if issubclass(one, BaseModel)), "")
