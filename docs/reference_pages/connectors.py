"""The page of the connectors, of the modules of `medallion.config.sources`."""

from __future__ import annotations

from typing import Any

from medallion.config.sources import CONNECTORS
from medallion.config.sources.base import Settings
from reference_pages.markdown import code, table


def connectors() -> str:
    """Return the page, with a section for each connector."""
    sections = "\n".join(_section(name, settings) for name, settings in CONNECTORS.items())
    return f"""# Connectors

A source names its connector ([connectors](../connectors.md)). Each section lists the settings of one; in a pipeline
file a source has `name` and `contract` too.

{sections}
"""


def _section(name: str, settings: type[Settings]) -> str:
    schema = settings.model_json_schema()
    rows = [
        (code(key), _default(key, value, schema), _description(key, value, schema))
        for key, value in schema["properties"].items()
        if key != "connector" and value.get("type") != "null"
    ]
    secret = f"\nKeys of the Secret: {settings.secret_keys}.\n" if settings.secret_keys else ""
    return f"""## {name}

{" ".join(str(settings.__doc__).split())} Change detection: {settings.changes}.
{secret}
{table("Setting | Default | Description", rows)}
"""


def _default(key: str, value: dict[str, Any], schema: dict[str, Any]) -> str:
    if key in schema.get("required", ()):
        return "required"
    given = value.get("default")
    return code(str(given)) if given else "none"


def _description(key: str, value: dict[str, Any], schema: dict[str, Any]) -> str:
    if key != "incremental":
        return str(value.get("description", ""))
    (name,) = (one["$ref"].rpartition("/")[2] for one in value["anyOf"] if "$ref" in one)
    increment = schema["$defs"][name]
    keys = ", ".join(code(one) for one in increment["properties"])
    return f"{increment['description']} Keys: {keys}. See [incremental loads](../connectors.md#incremental-loads)."
