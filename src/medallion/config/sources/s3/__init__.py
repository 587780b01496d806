"""The connector `s3`: objects of a storage that speaks S3."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field, field_validator

from medallion.config.sources.base import FileSettings, RemoteSettings, check_plain
from medallion.config.sources.stream import Inputs


class S3Settings(FileSettings, RemoteSettings):
    """Files in storage that speaks S3: CSV, or in the format of their contract, plain or compressed."""

    changes: ClassVar[str] = "`ETag`"
    secret_keys: ClassVar[str] = (
        "`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AWS_REGION`, `AWS_ENDPOINT_URL`; without "
        "an access key the bucket is read as a public one"
    )
    connector: Literal["s3"] = "s3"
    url: str = Field(
        description="`s3://bucket/key`. With `*` or `?`: all keys that match, in the order of their names."
    )

    @field_validator("url")
    @classmethod
    def _url(cls, value: str) -> str:
        parts = re.fullmatch(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/(.+)", check_plain(value))
        if "@" in value.removeprefix("s3://").partition("/")[0]:
            raise ValueError("the URL holds credentials — put them into the Secret that `secret` names")
        if parts is None or ".." in value.split("/"):
            raise ValueError(f"{value!r} is no address of an object — write `s3://bucket/key`, without `..`")
        return value

    def open_inputs(self, landing: Path, known: Mapping[str, str]) -> AbstractContextManager[Inputs]:  # noqa: ARG002
        """Return the objects."""
        from medallion.config.sources.s3.reader import objects

        return objects(self, known)
