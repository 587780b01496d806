"""The connectors there are: the one list that job files, lint, tags and editors use."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

CONNECTORS: tuple[str, ...] = ("csv",)


def check_connector(value: str) -> str:
    """Returns the connector's name.

    Raises:
        ValueError: There is none of that name; the message says which there are.
    """
    if value not in CONNECTORS:
        raise ValueError(f"no connector {value!r} — there are: {', '.join(CONNECTORS)}")
    return value


Connector = Annotated[
    str,
    AfterValidator(check_connector),
    Field(description="How the source is read.", json_schema_extra={"enum": list(CONNECTORS)}),
]
