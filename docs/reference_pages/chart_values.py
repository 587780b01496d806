"""The page of the chart's values, of values.schema.json and values.yaml."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from reference_pages.markdown import code, table

CHART = Path(__file__).resolve().parents[2] / "charts" / "medallion"


def chart_values() -> str:
    """Return the page."""
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    rows = table("Value | Default | Description", _rows(schema, values, schema["definitions"], ""))
    tenant = table("Key | Default | Description", _rows(schema["definitions"]["tenant"], {}, schema["definitions"], ""))
    return f"""# Chart values

The values of `charts/medallion`: its own, and those of its two dependencies that it checks. All other keys below
`airflow` and `postgres` are the values of the [Airflow chart](https://airflow.apache.org/docs/helm-chart/) and of the
[Postgres chart](https://github.com/groundhog2k/helm-charts/tree/master/charts/postgres).
[Chart values](../../k8s/README.md#chart-values) lists the most important of them.

{rows}

## Items of global.tenants

{tenant}
"""


def _rows(
    schema: dict[str, Any], values: Any, definitions: dict[str, Any], path: str
) -> Iterator[tuple[str, str, str]]:
    for key, given in schema.get("properties", {}).items():
        found = {**definitions.get(str(given.get("$ref", "")).rpartition("/")[2], {}), **given}
        here, value = f"{path}{key}", values.get(key) if isinstance(values, dict) else None
        inner = found.get("properties")
        if "description" in found:
            shown = "" if value is None or (inner and value) else code(json.dumps(value))
            yield code(here), shown, found["description"]
        if inner:
            yield from _rows(found, value, definitions, f"{here}.")
