"""Base of everything that is read from a file."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,62}$")]
"""Letters, digits, `_` and `-`; at most 63, as it becomes a DAG id, a Kubernetes label and a file name."""
Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,54}$")]
"""A Postgres name that needs no quotes."""
SecretName = Annotated[
    str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$", max_length=253)
]
"""Of a Kubernetes Secret: a DNS subdomain."""


def _check_schema(name: str) -> str:
    schema = name.partition(".")[0]
    if schema in ("information_schema", "medallion"):
        owner = "Medallion" if schema == "medallion" else "Postgres"
        raise ValueError(f"the schema {schema!r} belongs to {owner} — choose another")
    return _check_prefix(name)


def _check_prefix(name: str) -> str:
    if name.startswith("pg_"):
        raise ValueError(f"{name!r} begins with `pg_`, as only schemas of Postgres itself may — choose another name")
    return name


TableName = Annotated[
    str, Field(pattern=r"^[a-z][a-z0-9_]{0,30}\.[a-z][a-z0-9_]{0,54}$"), AfterValidator(_check_schema)
]
"""`schema.table`, in a schema that is not one of Postgres' or Medallion's own."""
SchemaPrefix = Annotated[str, Field(pattern=r"^([a-z][a-z0-9_]{0,20})?$"), AfterValidator(_check_prefix)]
"""What is put before every schema. Postgres keeps names that begin with `pg_` for itself."""

_STRICT_TYPES = ("bool", "int", "float")


def _make_strict(schema: Any) -> None:
    if isinstance(schema, dict):
        if schema.get("type") in _STRICT_TYPES:
            schema["strict"] = True
        for key, inner in schema.items():
            if key not in ("metadata", "serialization", "default"):
                _make_strict(inner)
    elif isinstance(schema, list):
        for inner in schema:
            _make_strict(inner)


class ConfigModel(BaseModel):
    """A part of a file: unknown keys are refused, values cannot change, text is no number and no boolean."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, allow_inf_nan=False)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: type[BaseModel], handler: GetCoreSchemaHandler) -> CoreSchema:
        """Make booleans and numbers strict: pydantic takes the texts `no` and `1e3`, and `true` for the number 1."""
        schema = handler(source)
        _make_strict(schema)
        return schema
