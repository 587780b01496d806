"""The dbt image's one command: run, test and publish a layer."""
