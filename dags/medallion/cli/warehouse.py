"""Which warehouse a command uses, and how its failures are told."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import psycopg
import typer

from medallion.cli.places import state_folder
from medallion.cli.show import error_console
from medallion.failures import StepFailure, WarehouseAway
from medallion.warehouse import ledger
from medallion.warehouse.connection import Connection, connect, environment, is_configured

WarehouseOption = Annotated[
    str | None,
    typer.Option(
        "--warehouse", help="Postgres URL. Without it: libpq's environment (PGHOST …), else an embedded Postgres."
    ),
]


@contextmanager
def warehouse_environment(url: str | None) -> Iterator[None]:
    """Names the warehouse in libpq's environment; the embedded one runs while the context lasts.

    Raises:
        WarehouseAway: The URL is none.
    """
    if url:
        try:
            os.environ.update(environment(url))
        except psycopg.ProgrammingError as error:
            raise WarehouseAway(f"--warehouse: {error}", "write postgresql://user@host:5432/database") from error
    if url or is_configured():
        yield
        return
    from medallion.warehouse.embedded import embedded_postgres

    server = embedded_postgres(state_folder() / "postgres")
    os.environ.update(environment(server.get_uri()))
    try:
        yield
    finally:
        server.cleanup()


@contextmanager
def warehouse(url: str | None, application: str) -> Iterator[Connection]:
    """A connection for a command; a failure is told in a line or two and ends the command with its exit code."""
    try:
        with warehouse_environment(url), connect(application) as connection:
            ledger.ensure(connection)
            yield connection
    except StepFailure as failure:
        error_console.print(failure.message, style="red", markup=False, soft_wrap=True)
        if failure.remedy:
            error_console.print(f"what to do: {failure.remedy}", markup=False, soft_wrap=True)
        raise typer.Exit(failure.code) from None
