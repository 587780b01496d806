"""The connector `postgres`: a table or view of another Postgres."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from medallion.config.sources.base import COLUMN, ByCursor, RemoteSettings
from medallion.config.sources.stream import Inputs


class PostgresSettings(RemoteSettings):
    """A table or view of another Postgres."""

    place: ClassVar[str] = "table"
    changes: ClassVar[str] = "SHA-256 of the bytes read"
    secret_keys: ClassVar[str] = (
        "`PGHOST`, `PGPORT`, `PGUSER`, `PGPASSWORD`, `PGDATABASE`, `PGSSLMODE`, `PGSSLROOTCERT`"
    )
    connector: Literal["postgres"] = "postgres"
    table: str = Field(
        pattern=r"^([A-Za-z_][A-Za-z0-9_$]{0,62}\.)?[A-Za-z_][A-Za-z0-9_$]{0,62}$",
        description="`schema.table`, or `table` in the schema `public`.",
    )
    columns: tuple[Annotated[str, Field(pattern=COLUMN)], ...] = Field(
        (), description="The columns to read; by default all."
    )
    incremental: ByCursor | None = None

    def open_inputs(self, landing: Path, known: Mapping[str, str]) -> AbstractContextManager[Inputs]:  # noqa: ARG002
        """Return the rows."""
        from medallion.config.sources.postgres.reader import rows

        return rows(self, known)
