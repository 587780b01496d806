"""The connectors: where the rows of a source come from, in each one's own terms.

A module or package of this folder is a connector: one subclass of `Settings` with its name as `connector`. There is no
list of them. `Settings` are its terms alone, as a job file's `source` has them; a `Source` has a name and a contract
too, as in a pipeline file. No credential is ever written there: an environment variable has it, which a Secret fills in
a pod.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from importlib import import_module
from operator import or_
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, TypeAdapter, create_model

from medallion.config.model import ConfigModel, Name
from medallion.config.sources.base import Increment, Settings, check_key, check_secrets

__all__ = ["CONNECTORS", "AnySettings", "Connector", "Source", "check_key", "check_secrets", "parse_source"]
DEFAULT = "csv"
_SHARED = {"base", "packed", "stream"}
"""Modules that are no connectors."""


class Named(ConfigModel):
    """What a source of a pipeline file has besides its connector's settings."""

    name: Name = Field(description="Names the step: `clean.<name>`.")
    contract: Name = Field(description="The data contract: a file of this name in `contracts/`.")
    own_pod: bool = Field(
        False, description="Whether a pod of its own loads it, next to the others: for a large source."
    )


def _discover() -> dict[str, type[Settings]]:
    found: dict[str, type[Settings]] = {}
    for name in sorted({module.name for module in iter_modules(__path__)} - _SHARED):
        members = vars(import_module(f"{__name__}.{name}")).values()
        (found[name],) = (
            one for one in members
            if isinstance(one, type) and issubclass(one, Settings)
            and "connector" in one.model_fields and one.model_fields["connector"].default == name
        )  # fmt: skip
    return found


CONNECTORS: Mapping[str, type[Settings]] = _discover()
"""All connectors by name."""


def check_connector(value: str) -> str:
    """Return the connector's name.

    Raises:
        ValueError: No connector has that name; the message lists those that exist.
    """
    if value not in CONNECTORS:
        raise ValueError(f"no connector {value!r} — there are: {', '.join(CONNECTORS)}")
    return value


Connector = Annotated[
    str,
    AfterValidator(check_connector),
    Field(description="How the source is read.", json_schema_extra={"enum": list(CONNECTORS)}),
]


def _tag(value: Any) -> str:
    found = value.get("connector", DEFAULT) if isinstance(value, dict) else getattr(value, "connector", DEFAULT)
    return str(found)


def _known(value: Any) -> Any:
    connector = check_connector(_tag(value))
    incremental = value.get("incremental") if isinstance(value, dict) else None
    if isinstance(incremental, dict):
        takes = get_args(CONNECTORS[connector].model_fields["incremental"].annotation)
        increment = next((one for one in Increment.__subclasses__() if one in takes), None)
        if increment is None:
            raise ValueError(f"connector {connector!r} cannot load incrementally — leave `incremental` out")
        key, written = increment.key
        if key not in incremental:
            raise ValueError(
                f"connector {connector!r} needs `{key}` in `incremental` — write `incremental: {{{written}}}`"
            )
    return value


def _name(connector: str, settings: type[Settings]) -> Any:
    """Return the model of a pipeline's source; only the default connector may be left out."""
    given: Any = DEFAULT if connector == DEFAULT else ...
    name = settings.__name__.replace("Settings", "Source")
    fields: dict[str, Any] = {"connector": (Literal[connector], given)}
    return create_model(name, __base__=(settings, Named), __doc__=settings.__doc__, **fields)


_BY_CONNECTOR = (Discriminator(_tag), BeforeValidator(_known))
if TYPE_CHECKING:
    AnySettings = Settings

    class Source(Settings, Named):
        """A source of a pipeline file, whatever its connector."""
else:
    AnySettings = Annotated[
        reduce(or_, (Annotated[one, Tag(name)] for name, one in CONNECTORS.items())), *_BY_CONNECTOR
    ]
    Source = Annotated[
        reduce(or_, (Annotated[_name(name, one), Tag(name)] for name, one in CONNECTORS.items())), *_BY_CONNECTOR
    ]
_SOURCES: TypeAdapter[Source] = TypeAdapter(Source)


def parse_source(name: str, contract: str, settings: Settings) -> Source:
    """Return a source's settings with its name and contract."""
    return _SOURCES.validate_python({**settings.model_dump(exclude_unset=True), "name": name, "contract": contract})
