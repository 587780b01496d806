"""The code location that Dagster loads: the definitions of the folder `MEDALLION_DAGS`, or of this checkout."""

from __future__ import annotations

import os
from pathlib import Path

from medallion.runners.dagster.definitions import definitions

defs = definitions(Path(os.environ.get("MEDALLION_DAGS") or Path(__file__).resolve().parents[3]))
