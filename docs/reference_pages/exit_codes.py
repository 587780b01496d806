"""The page of the exit codes, of `medallion.errors.ExitCode`."""

from __future__ import annotations

from medallion.errors import ExitCode
from reference_pages.markdown import table


def exit_codes() -> str:
    """Return the page."""
    rows = [(str(int(code)), code.meaning, "yes" if code.retryable else "no") for code in ExitCode]
    return f"""# Exit codes

Every image, and `medallion run`, ends with one of these exit codes. The last column is the default of
`retry_config.retryable_exit_codes`, under Airflow, under Dagster and on a laptop. By default an eviction by Kubernetes
(`evicted`) is retried too. `medallion lint` has [exit codes of its own](../lint.md).

{table("Exit code | Meaning | Retried by default", rows)}

The [SQLSTATE](https://www.postgresql.org/docs/current/errcodes-appendix.html) of a Postgres error determines its exit
code. An outage, a full disk, a deadlock and too many connections give 75. A refused login, an unknown database, a
missing privilege and a limit of Postgres give 64. A value that Postgres cannot store gives 65. Errors in a dbt model
give 83, unless another attempt can resolve every one of them. The table is in `src/medallion/sqlstate.py`.

A pod that the Kubernetes API refuses (400, 401, 403, 404, 413, 422) has no exit code. The task fails with the message
of the API, and is not retried unless a quota is exceeded.
"""
