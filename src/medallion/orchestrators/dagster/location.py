"""The code location that Dagster loads: the definitions of the folder `MEDALLION_DAGS`, or of the nearest `dags`."""

from __future__ import annotations

from medallion.config.places import default_dags
from medallion.orchestrators.dagster.definitions import definitions

defs = definitions(default_dags())
