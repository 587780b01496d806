"""Deletes the jobs of the last release that run once: a job's pod cannot be changed by an upgrade."""

import os

from kubernetes import client, config


def main() -> None:
    """Delete the jobs of the pod's own namespace; one that is not there is skipped."""
    config.load_incluster_config()
    api, namespace = client.BatchV1Api(), os.environ["NAMESPACE"]
    for name in ("medallion-claims", "medallion-run-airflow-migrations", "medallion-create-user"):
        try:
            api.delete_namespaced_job(name, namespace, propagation_policy="Background")
            print(f"{name}: deleted, to run again")
        except client.ApiException as error:
            if error.status != 404:
                raise
