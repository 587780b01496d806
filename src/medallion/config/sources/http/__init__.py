"""The connector `http`: a file that a web server hands out."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from medallion.config.sources.base import RemoteSettings, check_no_credentials, check_plain
from medallion.config.sources.stream import Inputs


class HttpSettings(RemoteSettings):
    """A file that a web server hands out: CSV, or in the format of its contract, plain or compressed."""

    changes: ClassVar[str] = "`ETag`, else `Last-Modified`, else SHA-256 of the bytes read"
    secret_keys: ClassVar[str] = (
        "`HTTP_TOKEN` (bearer), or `HTTP_USER` and `HTTP_PASSWORD`; sent over https only, unless `HTTP_INSECURE` is set"
    )
    connector: Literal["http"] = "http"
    incremental: None = None
    url: str = Field(description="`https://…` or `http://…`.", json_schema_extra={"pattern": "^https?://"})

    @field_validator("url")
    @classmethod
    def _url(cls, value: str) -> str:
        parts = urlsplit(check_plain(check_no_credentials(value)))
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{value!r} is no web address — write `https://host/path`")
        return value

    def open_inputs(self, landing: Path, known: Mapping[str, str]) -> AbstractContextManager[Inputs]:  # noqa: ARG002
        """Return the file."""
        from medallion.config.sources.http.reader import download

        return download(self)
