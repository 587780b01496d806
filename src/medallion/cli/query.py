"""`medallion query`: rows of the warehouse, as a reader sees them."""

from __future__ import annotations

from typing import Annotated

import psycopg
import typer

from medallion.cli.console import refuse, refuse_failure
from medallion.cli.show import show_rows
from medallion.cli.warehouse import WarehouseOption, warehouse_environment
from medallion.errors import StepFailure
from medallion.warehouse.connection import connect


def query(
    sql: Annotated[str, typer.Argument(help="One statement that returns rows.")],
    warehouse_url: WarehouseOption = None,
    tenant: Annotated[str | None, typer.Option(help="Read the embedded database of a tenant.")] = None,
) -> None:
    """Print the rows of a query. The transaction is read-only."""
    try:
        with warehouse_environment(warehouse_url, tenant), connect("medallion query") as connection:
            connection.read_only = True
            connection.autocommit = False
            try:
                cursor = connection.execute(sql.encode())
            except psycopg.errors.ReadOnlySqlTransaction:
                refuse("the statement writes, and `medallion query` only reads", "use psql for it")
            names = [column.name for column in cursor.description or ()]
            show_rows(None, names, cursor.fetchall() if names else [])
            connection.rollback()
    except StepFailure as failure:
        refuse_failure(failure)
