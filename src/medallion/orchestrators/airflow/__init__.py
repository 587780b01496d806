"""Pipelines as Airflow DAGs. A DAG file is two lines: `dag = airflow_dag(__file__)`."""

from medallion.orchestrators.airflow.dag import airflow_dag
from medallion.orchestrators.airflow.runner_dags import check_runners, runner_dags

__all__ = ["airflow_dag", "check_runners", "runner_dags"]
