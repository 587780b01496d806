"""Pipelines as Airflow DAGs: `TeamBundle` makes a DAG file for each YAML file, which calls one of these functions."""

from medallion.orchestrators.airflow.dag import pipeline_dag
from medallion.orchestrators.airflow.runner_dags import check_runners, runner_dags

__all__ = ["check_runners", "pipeline_dag", "runner_dags"]
