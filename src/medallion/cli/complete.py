"""Tab completion of names."""

from __future__ import annotations

from medallion.cli.places import default_dags
from medallion.spec.catalogue import everything


def complete_name(incomplete: str) -> list[str]:
    """The names of pipelines and schedules that begin with what was typed."""
    return [named.name for named in everything(default_dags()) if named.file and named.name.startswith(incomplete)]
