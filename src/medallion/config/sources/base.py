"""What all connectors share: the settings of a source, and what an incremental load goes by."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ClassVar, Literal, Self
from urllib.parse import parse_qsl, urlsplit

from pydantic import Field, field_validator, model_validator

from medallion.config.contract import Contract, DuplicateKeys
from medallion.config.model import ConfigModel, SecretName
from medallion.config.sources.stream import Inputs

COLUMN = r"^[A-Za-z_][A-Za-z0-9_$]{0,62}$"
_SECRET_QUERY = re.compile(r"token|secret|passw|api_?key|access_?key|signature|^sig$|^key$|credential", re.IGNORECASE)


def is_pattern(path: str) -> bool:
    """Return whether a path stands for all files that match it."""
    return any(sign in path for sign in "*?[")


class Increment(ConfigModel):
    """What an incremental load goes by."""

    key: ClassVar[tuple[str, str]]
    """The key that it needs, and how to write it."""
    on_duplicate_key: Literal["reject", "replace"]


class ByFile(Increment):
    """Only files that no earlier load has taken, and files that changed since, are loaded."""

    key: ClassVar[tuple[str, str]] = ("mode", "mode: files")
    mode: Literal["files"]
    on_duplicate_key: Literal["reject", "replace"] = Field(
        "reject", description="What becomes of a row whose key an earlier load has: it is rejected, or takes its place."
    )


class ByCursor(Increment):
    """Only rows from the highest value on that an earlier load has seen in a column are loaded.

    A row whose key an earlier load has takes its place.
    """

    key: ClassVar[tuple[str, str]] = ("cursor", "cursor: COLUMN")
    cursor: str = Field(pattern=COLUMN, description="A column that grows with every change, such as `updated_at`.")
    on_duplicate_key: Literal["replace"] = Field(
        "replace", description="A row that is read again takes its earlier place."
    )


class Settings(ConfigModel):
    """Base of every connector's settings: the model of what people write, and the way to its reader.

    Attributes:
        place: The key that says where the data is.
        changes: What the connector compares to detect that a source has not changed.
        secret_keys: The keys of the Secret with the credentials, for the documentation.
        reads_landing: Whether the source is on the landing volume.
    """

    place: ClassVar[str] = "url"
    changes: ClassVar[str]
    secret_keys: ClassVar[str] = ""
    reads_landing: ClassVar[bool] = False
    connector: str
    incremental: ByFile | ByCursor | None = None

    @property
    def label(self) -> str:
        """What people call the input."""
        return str(getattr(self, self.place))

    @property
    def login(self) -> tuple[str, str] | None:
        """The Secret with the source's credentials, and the prefix that its keys get in the pod."""
        return None

    @property
    def packs(self) -> int:
        """How many pods load its files, a pack each."""
        return 1

    @abstractmethod
    def open_inputs(self, landing: Path, known: Mapping[str, str]) -> AbstractContextManager[Inputs]:
        """Return what the source has to load. The reader's libraries are imported here, and not before.

        Args:
            landing: The folder that paths are relative to.
            known: The versions of what earlier loads took, by name.

        Returns:
            A context; connections to the source last as long as it.

        Raises:
            InputNotFound: There is no such file, object or table.
            BadInput: It may not be read.
            SourceUnavailable: The source cannot be reached, or fails for the moment.
        """


class FileSettings(Settings):
    """Base of connectors that find many files by a pattern."""

    incremental: ByFile | None = None
    pods: int = Field(
        1,
        ge=1,
        le=50,
        description="For a pattern of files: how many pods load them, a pack of files each. One more pod lists the "
        "files first, and another publishes them all at the end.",
    )

    @model_validator(mode="after")
    def _has_files(self) -> Self:
        if self.pods > 1 and not is_pattern(self.label):
            raise ValueError(
                f"{self.label!r} is one file, and one pod loads it — leave `pods` out, or write a pattern such as "
                "`orders/*.csv`"
            )
        return self

    @property
    def packs(self) -> int:
        """How many pods load its files, a pack each."""
        return self.pods


class RemoteSettings(Settings):
    """Base of connectors that reach out, with credentials from the environment."""

    secret: SecretName | None = Field(
        None,
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

    @property
    def login(self) -> tuple[str, str] | None:
        """The Secret with the source's credentials, and the prefix that its keys get in the pod."""
        return (self.secret, self.env_prefix) if self.secret else None


def check_plain(value: str) -> str:
    """Return a path that is no template.

    Raises:
        ValueError: It is one.
    """
    if "{{" in value or "{%" in value:
        raise ValueError(f"{value!r} is a template — write a plain path")
    return value


def check_no_credentials(value: str) -> str:
    """Return a URL that holds no credentials.

    Raises:
        ValueError: It holds some.
    """
    parts = urlsplit(value)
    if "@" in parts.netloc or ("@" in value and not parts.netloc):
        raise ValueError(
            "the URL holds a user or password — take it out, and put it into the Secret that `secret` names"
        )
    secret = next((key for key, _ in parse_qsl(parts.query, keep_blank_values=True) if _SECRET_QUERY.search(key)), None)
    if secret is not None:
        raise ValueError(f"{secret!r} in the URL looks like a credential — put it into the Secret that `secret` names")
    return value


def check_secrets(tenant: str, users: Sequence[Any]) -> None:
    """Restrict a tenant to its own Secrets: any other might be a login to another tenant's data.

    Args:
        tenant: The tenant.
        users: Sources and own steps.

    Raises:
        ValueError: One of them names a Secret that is not the tenant's.
    """
    for user in users:
        secret = getattr(user, "secret", None)
        # A tenant's name has no dot, so no tenant's Secrets begin as another's do.
        if secret is not None and not secret.startswith(f"{tenant}."):
            raise ValueError(
                f"the Secret {secret!r} is not the tenant's — name one as `{tenant}.{secret.split('.')[-1]}`"
            )


def check_key(settings: Settings, contract: Contract) -> tuple[str, str] | None:
    """Return what is wrong, and what to do, if an incremental load and its contract disagree on the key; else None."""
    increment = settings.incremental
    if increment is None:
        return None
    replaces = increment.on_duplicate_key == "replace"
    if replaces and not contract.primary_key:
        message = (
            f"rows of {settings.label} take the place of earlier ones, and the contract {contract.name} has no key"
        )
        return message, "add `primaryKey` to the contract"
    within, agrees = contract.duplicate_keys, "keep_last" if replaces else "keep_first"
    if within in (None, "reject_all", agrees):
        return None
    # Else the table would depend on how its rows are spread over loads.
    across, here = ("last", "first") if replaces else ("first", "last")
    message = (
        f"`on_duplicate_key: {increment.on_duplicate_key}` keeps the {across} row of a key in all loads, and "
        f"`duplicate_keys: {within}` of the contract {contract.name} keeps the {here} within a load"
    )
    if isinstance(increment, ByCursor):
        return message, "write `duplicate_keys: keep_last` in the contract, or leave it out"
    other = "reject" if replaces else "replace"
    return message, f"write `on_duplicate_key: {other}`, or `duplicate_keys: {agrees}` in the contract"


def choose_row(contract: Contract, increment: Increment | None) -> DuplicateKeys:
    """Return which of the rows with the same key in a load is kept."""
    if contract.duplicate_keys is not None:
        return contract.duplicate_keys
    return "keep_last" if increment is not None and increment.on_duplicate_key == "replace" else "keep_first"
