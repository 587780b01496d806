"""Which warehouse a command uses, and how its failures are printed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from medallion.cli.console import refuse_failure
from medallion.cli.places import state_folder
from medallion.config.catalog import find
from medallion.config.diagnostics import ConfigError
from medallion.config.places import default_dags
from medallion.errors import StepFailure
from medallion.warehouse import ledger
from medallion.warehouse.connection import Connection, connect, environment, is_configured

WarehouseOption = Annotated[
    str | None,
    typer.Option(
        "--warehouse", help="Postgres URL. Without it: libpq's environment (PGHOST …), else an embedded Postgres."
    ),
]


@contextmanager
def warehouse_environment(url: str | None, tenant: str | None = None) -> Iterator[None]:
    """Name the warehouse in libpq's environment; the embedded one runs while the context lasts.

    In the embedded one a tenant has a database of its own, as on Kubernetes; one that is given is used as it is.

    Raises:
        Misconfigured: The URL is not a Postgres URL.
    """
    if url:
        os.environ.update(environment(url))
    if url or is_configured():
        yield
        return
    from medallion.warehouse.embedded import embedded_postgres, own_database

    server = embedded_postgres(state_folder() / "postgres")
    os.environ.update(environment(server.get_uri()))
    if tenant is not None:
        os.environ["PGDATABASE"] = own_database(server.get_uri(), tenant)
    try:
        yield
    finally:
        server.cleanup()


@contextmanager
def warehouse(url: str | None, application: str, tenant: str | None) -> Iterator[Connection]:
    """Open a connection for a command; a failure is printed in a line or two and ends the command."""
    try:
        with warehouse_environment(url, tenant), connect(application) as connection:
            ledger.ensure(connection)
            yield connection
    except StepFailure as failure:
        refuse_failure(failure)


def find_tenant(name: str) -> str | None:
    """Find a pipeline's tenant; None also where the pipeline is in no file any more."""
    try:
        return find(default_dags(), name).pipeline.tenant
    except ConfigError:
        return None  # what the ledger knows of it may still be asked for
