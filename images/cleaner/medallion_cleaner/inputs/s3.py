"""The connector `s3`: objects of a storage that speaks S3, one or all that match a pattern.

An object is read by one request that names its version, so that what is read is never half old and half new.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import translate
from typing import Any

import obstore
from obstore.exceptions import BaseError, NotFoundError, PermissionDeniedError, PreconditionError, UnauthenticatedError
from obstore.store import S3Store

from medallion.failures import BadInput, InputNotFound, SourceAway, StepFailure
from medallion.spec.connectors import S3Settings, is_pattern
from medallion_cleaner.inputs.stream import CHUNK_BYTES, Inputs

_RETRIES: Any = {"max_retries": 4, "retry_timeout": timedelta(seconds=60)}
_CLIENT: Any = {"connect_timeout": timedelta(seconds=10), "timeout": timedelta(hours=6)}
_NAMES = ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "REGION", "ENDPOINT_URL")
_WAIT = "it may come back: the step is tried again as `retry_config` says"


@dataclass
class StoredObject:
    """An object, known by its ETag."""

    name: str
    version: str | None
    bucket: str
    prefix: str
    store: S3Store
    delivered_at: datetime

    def chunks(self) -> Iterator[bytes]:
        """Reads the object, as long as it is the version that was listed."""
        with _told(self.bucket, self.name, self.prefix):
            options: Any = {"if_match": self.version} if self.version else {}
            for chunk in obstore.get(self.store, self.name, options=options).stream(min_chunk_size=CHUNK_BYTES):
                yield bytes(chunk)


@contextmanager
def objects(settings: S3Settings, known: Mapping[str, str]) -> Iterator[Inputs]:
    """The objects of a source, in the order of their keys.

    Raises:
        InputNotFound: There is no object that matches, or no such bucket.
        BadInput: The storage refuses to show them.
        SourceAway: The storage does not answer.
    """
    bucket, _, key = settings.url.removeprefix("s3://").partition("/")
    store = _store(bucket, settings.env_prefix)
    many = settings.incremental is not None or is_pattern(key)
    with _told(bucket, key, settings.env_prefix):
        found = _matching(store, key) if is_pattern(key) else [obstore.head(store, key)]
    if not found and not known:
        raise InputNotFound(f"no object matches {settings.url}", "check `url` of the source, and what the bucket holds")
    inputs = [
        StoredObject(meta["path"], meta["e_tag"], bucket, settings.env_prefix, store, meta["last_modified"])
        for meta in found
    ]
    yield Inputs(settings.url if many else key.rpartition("/")[2], [*inputs], many)


def _store(bucket: str, prefix: str) -> S3Store:
    given = {name: value for name in _NAMES if (value := _variable(prefix, name))}
    endpoint = given.get("ENDPOINT_URL")
    config: Any = {
        "access_key_id": given.get("ACCESS_KEY_ID"),
        "secret_access_key": given.get("SECRET_ACCESS_KEY"),
        "session_token": given.get("SESSION_TOKEN"),
        "endpoint": endpoint,
        "region": given.get("REGION", "us-east-1"),
        # Nobody to sign for: the bucket is public.
        "skip_signature": None if "ACCESS_KEY_ID" in given or "AWS_WEB_IDENTITY_TOKEN_FILE" in os.environ else True,
    }
    client: Any = {**_CLIENT, "allow_http": bool(endpoint and endpoint.startswith("http://"))}
    chosen = {name: value for name, value in config.items() if value is not None}
    return S3Store(bucket, **chosen, client_options=client, retry_config=_RETRIES)


def _variable(prefix: str, name: str) -> str | None:
    """A setting from the source's own environment, else from AWS' common one."""
    return os.environ.get(f"{prefix}AWS_{name}") or os.environ.get(f"AWS_{name}")


def _matching(store: S3Store, pattern: str) -> list[Any]:
    fixed = re.split(r"[*?\[]", pattern, maxsplit=1)[0].rpartition("/")[0]
    # As in a shell, `*` stays within a folder.
    parts = [re.compile(translate(part)) for part in pattern.split("/")]
    found = [meta for page in obstore.list(store, prefix=fixed or None) for meta in page if _fits(meta["path"], parts)]
    return sorted(found, key=lambda meta: str(meta["path"]))


def _fits(key: str, parts: list[re.Pattern[str]]) -> bool:
    names = key.split("/")
    return len(names) == len(parts) and all(part.match(name) for part, name in zip(parts, names, strict=True))


@contextmanager
def _told(bucket: str, key: str, prefix: str) -> Iterator[None]:
    try:
        yield
    except (BaseError, FileNotFoundError, PermissionError) as error:
        raise _failure(error, bucket, key, prefix) from None


def _failure(error: BaseException, bucket: str, key: str, prefix: str) -> StepFailure:
    # The library's own words hold whole requests, and some storages repeat keys in their answers.
    code = re.search(r"<Code>(\w+)</Code>", str(error))
    said = code[1] if code else type(error).__name__
    if isinstance(error, (FileNotFoundError, NotFoundError)) or said in ("NoSuchBucket", "NoSuchKey"):
        what = f"no bucket {bucket}" if said == "NoSuchBucket" else f"no object {key} in the bucket {bucket}"
        return InputNotFound(f"there is {what}", "check `url` of the source")
    denied = (PermissionError, PermissionDeniedError, UnauthenticatedError)
    if isinstance(error, denied) or said in ("AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch"):
        return BadInput(
            f"the storage refuses {key} of the bucket {bucket} ({said})",
            f"check {prefix}AWS_ACCESS_KEY_ID and {prefix}AWS_SECRET_ACCESS_KEY in the Secret of the source",
        )
    if isinstance(error, PreconditionError):
        return SourceAway(f"{key} of the bucket {bucket} was replaced while it was read", _WAIT)
    return SourceAway(f"the storage of the bucket {bucket} fails ({said})", _WAIT)
