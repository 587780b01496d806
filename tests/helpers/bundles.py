"""Airflow's settings for a team's DAG folder, as the chart makes them."""

from __future__ import annotations

import json
import os
from pathlib import Path

HELPERS = Path(__file__).parent
SRC = HELPERS.parents[1] / "src"
TEAM_BUNDLE = "medallion.orchestrators.airflow.bundle.TeamBundle"


def bundle_settings(home: Path, dags: Path, bundle: str = TEAM_BUNDLE) -> dict[str, str]:
    """Variables of an Airflow that reads a DAG folder and keeps what it makes of it in `home`."""
    local = "airflow.dag_processing.bundles.local.LocalDagBundle"
    bundles = [{"name": "dags-folder", "classpath": local, "kwargs": {}}]
    bundles += [{"name": "medallion", "classpath": bundle, "kwargs": {}}]
    return {
        "PYTHONPATH": os.pathsep.join([str(SRC), str(HELPERS)]),
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH": str(home / "bundles"),
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(bundles),
    }
