"""The connectors: where the rows of a source come from, in each one's own terms.

`Settings` are those terms alone, as a job file's `source` has them; a `Source` has a name and a contract too, as in
a pipeline file. No credential is ever written there: an environment variable has it, which a Secret fills in a pod.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import parse_qsl, urlsplit

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, TypeAdapter, field_validator

from medallion.config.contract import Contract
from medallion.config.model import ConfigModel, Name

CONNECTORS: tuple[str, ...] = ("csv", "http", "postgres", "s3")
"""The names of all connectors."""

_SECRET_QUERY = re.compile(r"token|secret|passw|api_?key|access_?key|signature|^sig$|^key$|credential", re.IGNORECASE)
_COLUMN = r"^[A-Za-z_][A-Za-z0-9_$]{0,62}$"


def is_pattern(path: str) -> bool:
    """Return whether a path stands for all files that match it."""
    return any(sign in path for sign in "*?[")


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


class ByFile(ConfigModel):
    """Only files that no earlier load has taken, and files that changed since, are loaded."""

    mode: Literal["files"]
    on_duplicate_key: Literal["reject", "replace"] = Field(
        "reject", description="What becomes of a row whose key an earlier load has: it is rejected, or takes its place."
    )


class ByCursor(ConfigModel):
    """Only rows from the highest value on that an earlier load has seen in a column are loaded.

    A row whose key an earlier load has takes its place.
    """

    cursor: str = Field(pattern=_COLUMN, description="A column that grows with every change, such as `updated_at`.")
    on_duplicate_key: Literal["replace"] = Field(
        "replace", description="A row that is read again takes its earlier place."
    )


class Settings(ConfigModel):
    """Base of every connector's settings."""

    place: ClassVar[str] = "url"
    """The key that says where the data is."""

    @property
    def label(self) -> str:
        """What people call the input."""
        return str(getattr(self, self.place))

    def as_json(self) -> str:
        """Return the settings alone, as a step receives them."""
        return self.model_dump_json(exclude={"name", "contract"}, exclude_none=True)


class RemoteSettings(Settings):
    """Base of connectors that reach out, with credentials from the environment."""

    secret: str | None = Field(
        None,
        pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$",
        max_length=253,
        description="The Kubernetes Secret with the credentials. Its keys reach the pod with `env_prefix` before them.",
    )
    env_prefix: str = Field(
        "SOURCE_",
        pattern=r"^[A-Z][A-Z0-9_]{0,30}_$",
        description="What the environment variables with the credentials begin with, such as `SOURCE_PGPASSWORD`.",
    )

    @field_validator("env_prefix")
    @classmethod
    def _own(cls, value: str) -> str:
        if value == "MEDALLION_":
            raise ValueError("`MEDALLION_` begins Medallion's own variables — choose another prefix, such as `CRM_`")
        return value


def _plain(value: str) -> str:
    if "{{" in value or "{%" in value:
        raise ValueError(f"{value!r} is a template — write a plain path")
    return value


def _no_credentials(value: str) -> str:
    parts = urlsplit(value)
    if "@" in parts.netloc or ("@" in value and not parts.netloc):
        raise ValueError(
            "the URL holds a user or password — take it out, and put it into the Secret that `secret` names"
        )
    told = next((key for key, _ in parse_qsl(parts.query, keep_blank_values=True) if _SECRET_QUERY.search(key)), None)
    if told is not None:
        raise ValueError(f"{told!r} in the URL looks like a credential — put it into the Secret that `secret` names")
    return value


class CsvSettings(Settings):
    """CSV files on the landing volume, plain or gzipped."""

    place = "path"
    connector: Literal["csv"] = "csv"
    path: str = Field(
        description="The file, relative to the landing volume; a tenant's, to its own folder there. With `*`, `?` or "
        "`[…]`: all files that match, in the order of their names."
    )
    incremental: ByFile | None = None

    @field_validator("path")
    @classmethod
    def _path(cls, value: str) -> str:
        if value.startswith("/") or ".." in value.split("/"):
            raise ValueError(f"{value!r} leaves the landing volume — write a path below it, without `..`")
        return _plain(value)

    @property
    def is_plain(self) -> bool:
        """Whether it is one file that is loaded as a whole."""
        return self.incremental is None and not is_pattern(self.path)


class HttpSettings(RemoteSettings):
    """A CSV file, plain or gzipped, that a web server hands out."""

    connector: Literal["http"] = "http"
    incremental: None = None
    url: str = Field(description="`https://…` or `http://…`.", json_schema_extra={"pattern": "^https?://"})

    @field_validator("url")
    @classmethod
    def _url(cls, value: str) -> str:
        parts = urlsplit(_plain(_no_credentials(value)))
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{value!r} is no web address — write `https://host/path`")
        return value


class S3Settings(RemoteSettings):
    """CSV files in storage that speaks S3, plain or gzipped."""

    connector: Literal["s3"] = "s3"
    url: str = Field(
        description="`s3://bucket/key`. With `*` or `?`: all keys that match, in the order of their names."
    )
    incremental: ByFile | None = None

    @field_validator("url")
    @classmethod
    def _url(cls, value: str) -> str:
        parts = re.fullmatch(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/(.+)", _plain(value))
        if "@" in value.removeprefix("s3://").partition("/")[0]:
            raise ValueError("the URL holds credentials — put them into the Secret that `secret` names")
        if parts is None or ".." in value.split("/"):
            raise ValueError(f"{value!r} is no address of an object — write `s3://bucket/key`, without `..`")
        return value


class PostgresSettings(RemoteSettings):
    """A table or view of another Postgres."""

    place = "table"
    connector: Literal["postgres"] = "postgres"
    table: str = Field(
        pattern=r"^([A-Za-z_][A-Za-z0-9_$]{0,62}\.)?[A-Za-z_][A-Za-z0-9_$]{0,62}$",
        description="`schema.table`, or `table` in the schema `public`.",
    )
    columns: tuple[Annotated[str, Field(pattern=_COLUMN)], ...] = Field(
        (), description="The columns to read; by default all."
    )
    incremental: ByCursor | None = None


class _Named(ConfigModel):
    name: Name = Field(description="Names the step: `clean.<name>`.")
    contract: Name = Field(description="The data contract: a file of this name in `contracts/`.")


class CsvSource(CsvSettings, _Named):
    """CSV files on the landing volume that are cleaned and loaded under a data contract."""


class HttpSource(HttpSettings, _Named):
    """A file of a web server that is cleaned and loaded under a data contract."""

    connector: Literal["http"]


class S3Source(S3Settings, _Named):
    """Files of an S3 storage that are cleaned and loaded under a data contract."""

    connector: Literal["s3"]


class PostgresSource(PostgresSettings, _Named):
    """A table of another Postgres that is cleaned and loaded under a data contract."""

    connector: Literal["postgres"]


_INCREMENTAL = {"csv": ("mode", "mode: files"), "s3": ("mode", "mode: files"), "postgres": ("cursor", "cursor: COLUMN")}
"""The key that `incremental` needs, by connector, and how to write it."""


def _tag(value: Any) -> str:
    found = value.get("connector", "csv") if isinstance(value, dict) else getattr(value, "connector", "csv")
    return str(found)


def _known(value: Any) -> Any:
    connector = check_connector(_tag(value))
    incremental = value.get("incremental") if isinstance(value, dict) else None
    if isinstance(incremental, dict):
        if connector not in _INCREMENTAL:
            raise ValueError(f"connector {connector!r} cannot load incrementally — leave `incremental` out")
        key, written = _INCREMENTAL[connector]
        if key not in incremental:
            raise ValueError(
                f"connector {connector!r} needs `{key}` in `incremental` — write `incremental: {{{written}}}`"
            )
    return value


_BY_CONNECTOR = (Discriminator(_tag), BeforeValidator(_known))
AnySettings = Annotated[
    Annotated[CsvSettings, Tag("csv")]
    | Annotated[HttpSettings, Tag("http")]
    | Annotated[PostgresSettings, Tag("postgres")]
    | Annotated[S3Settings, Tag("s3")],
    *_BY_CONNECTOR,
]
Source = Annotated[
    Annotated[CsvSource, Tag("csv")]
    | Annotated[HttpSource, Tag("http")]
    | Annotated[PostgresSource, Tag("postgres")]
    | Annotated[S3Source, Tag("s3")],
    *_BY_CONNECTOR,
]
SOURCES: TypeAdapter[CsvSource | HttpSource | PostgresSource | S3Source] = TypeAdapter(Source)
"""Validates a source, whatever its connector."""


def check_secrets(tenant: str, sources: Sequence[Settings]) -> None:
    """Restrict a tenant to its own Secrets: any other might be a login to another tenant's data.

    Raises:
        ValueError: A source names a Secret that is not the tenant's.
    """
    for source in sources:
        secret = getattr(source, "secret", None)
        # A tenant's name has no dot, so no tenant's Secrets begin as another's do.
        if secret is not None and not secret.startswith(f"{tenant}."):
            raise ValueError(
                f"the Secret {secret!r} is not the tenant's — name one as `{tenant}.{secret.split('.')[-1]}`"
            )


def lacks_key(settings: Settings, contract: Contract) -> tuple[str, str] | None:
    """Return what is wrong, and what to do, if rows replace others and no key identifies those; else None."""
    increment: ByFile | ByCursor | None = getattr(settings, "incremental", None)
    if increment is None or increment.on_duplicate_key != "replace" or contract.primary_key:
        return None
    message = f"rows of {settings.label} take the place of earlier ones, and the contract {contract.name} has no key"
    return message, "add `primaryKey` to the contract"


def parse_source(name: str, contract: str, settings: Settings) -> Source:
    """Return a source's settings with its name and contract."""
    return SOURCES.validate_python({**settings.model_dump(exclude_unset=True), "name": name, "contract": contract})
