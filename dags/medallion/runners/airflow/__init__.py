"""Pipelines as Airflow DAGs. A DAG file is two lines: `dag = airflow_dag(__file__)`."""

from medallion.runners.airflow.dag import airflow_dag

__all__ = ["airflow_dag"]
