"""A bucket of a storage that speaks S3: how it is reached, and what its errors mean."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from obstore.exceptions import BaseError, NotFoundError, PermissionDeniedError, PreconditionError, UnauthenticatedError
from obstore.store import S3Store

from medallion.errors import BadInput, InputNotFound, SourceUnavailable, StepFailure

RETRIES: Any = {"max_retries": 4, "retry_timeout": timedelta(seconds=60)}
_CLIENT: Any = {"connect_timeout": timedelta(seconds=10), "timeout": timedelta(hours=6)}
_NAMES = ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "REGION", "ENDPOINT_URL")


@dataclass(frozen=True)
class Bucket:
    """A bucket, and what those who named it call their settings, for errors that say what to check.

    Args:
        name: The bucket's name.
        env_prefix: Begins the variables of its login; one that is not set is AWS' common one.
        url: The setting that named the bucket.
        secret: Where its keys come from.
        later: What becomes of a failure that may pass.
    """

    name: str
    env_prefix: str = ""
    url: str = "`url` of the source"
    secret: str = "the Secret of the source"
    later: str = "the step is tried again as `retry_config` says"

    def store(self) -> S3Store:
        """Return a client of the bucket; it sends nothing yet."""
        given = {name: value for name in _NAMES if (value := self._variable(name))}
        endpoint = given.get("ENDPOINT_URL")
        config: Any = {
            "access_key_id": given.get("ACCESS_KEY_ID"),
            "secret_access_key": given.get("SECRET_ACCESS_KEY"),
            "session_token": given.get("SESSION_TOKEN"),
            "endpoint": endpoint,
            "region": given.get("REGION", "us-east-1"),
            # Without credentials requests are unsigned: the bucket is public.
            "skip_signature": None if "ACCESS_KEY_ID" in given or "AWS_WEB_IDENTITY_TOKEN_FILE" in os.environ else True,
            # Some storages cannot delete several objects by one request.
            "disable_bulk_delete": True,
        }
        client: Any = {**_CLIENT, "allow_http": bool(endpoint and endpoint.startswith("http://"))}
        chosen = {name: value for name, value in config.items() if value is not None}
        return S3Store(self.name, **chosen, client_options=client, retry_config=RETRIES)

    @contextmanager
    def as_failures(self, key: str) -> Iterator[None]:
        """Translate the storage's errors into failures that name a key.

        Raises:
            InputNotFound: There is no such object, or no such bucket.
            BadInput: The storage refuses.
            SourceUnavailable: It does not answer, or fails.
        """
        try:
            yield
        except (BaseError, FileNotFoundError, PermissionError) as error:
            raise self._failure(error, key) from None

    def _variable(self, name: str) -> str | None:
        return os.environ.get(f"{self.env_prefix}AWS_{name}") or os.environ.get(f"AWS_{name}")

    def _failure(self, error: BaseException, key: str) -> StepFailure:
        # The library's own words hold whole requests, and some storages repeat keys in their answers.
        found = re.search(r"<Code>(\w+)</Code>", str(error))
        code = found[1] if found else type(error).__name__
        if isinstance(error, (FileNotFoundError, NotFoundError)) or code in ("NoSuchBucket", "NoSuchKey"):
            what = f"no bucket {self.name}" if code == "NoSuchBucket" else f"no object {key} in the bucket {self.name}"
            return InputNotFound(f"there is {what}", f"check {self.url}")
        denied = (PermissionError, PermissionDeniedError, UnauthenticatedError)
        if isinstance(error, denied) or code in ("AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch"):
            keys = f"{self.env_prefix}AWS_ACCESS_KEY_ID and {self.env_prefix}AWS_SECRET_ACCESS_KEY"
            return BadInput(
                f"the storage refuses {key} of the bucket {self.name} ({code})", f"check {keys} in {self.secret}"
            )
        wait = f"it may come back: {self.later}"
        if isinstance(error, PreconditionError):
            return SourceUnavailable(f"{key} of the bucket {self.name} was replaced while it was read", wait)
        return SourceUnavailable(f"the storage of the bucket {self.name} fails ({code})", wait)
