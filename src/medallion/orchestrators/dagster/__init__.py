"""Pipelines as Dagster jobs: the same plans, names, tags, retries and limits as under Airflow."""
