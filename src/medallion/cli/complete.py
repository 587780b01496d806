"""Tab completion of names."""

from __future__ import annotations

from medallion.config.catalog import iter_pipelines
from medallion.config.places import default_dags


def complete_name(incomplete: str) -> list[str]:
    """Return the names of pipelines and schedules that begin with what was typed."""
    return [named.name for named in iter_pipelines(default_dags()) if named.file and named.name.startswith(incomplete)]
