"""Translations of a plan: into Airflow tasks that start pods, or into processes on this machine."""
