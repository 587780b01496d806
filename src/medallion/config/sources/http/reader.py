"""The connector `http`: a file that a web server hands out, read as it arrives."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

import urllib3

from medallion import __version__
from medallion.config.sources.http import HttpSettings
from medallion.config.sources.stream import CHUNK_BYTES, Inputs
from medallion.errors import BadInput, InputNotFound, Misconfigured, SourceUnavailable

CONNECT_SECONDS = 10.0
READ_SECONDS = 60.0
"""How long the server may say nothing."""
_PASSING = (408, 425, 429, 500, 502, 503, 504)
_RETRIES = urllib3.Retry(
    total=3, connect=3, read=1, redirect=5, backoff_factor=0.5, status_forcelist=_PASSING, raise_on_status=False
)
_WAIT = "it may come back: the step is tried again as `retry_config` says"


@dataclass
class Download:
    """A response whose body is yet to be read."""

    name: str
    version: str | None
    host: str
    response: urllib3.BaseHTTPResponse
    size: None = None

    @property
    def delivered_at(self) -> datetime | None:
        """What the server says of its last change, if it does."""
        try:
            return parsedate_to_datetime(self.response.headers.get("Last-Modified", ""))
        except ValueError:
            return None

    def chunks(self) -> Iterator[bytes]:
        """Read the body; one that ends too soon is no end."""
        try:
            yield from self.response.stream(CHUNK_BYTES, decode_content=True)
        except urllib3.exceptions.HTTPError as error:
            what = "was cut off" if isinstance(error, urllib3.exceptions.ProtocolError) else "stopped"
            raise SourceUnavailable(
                f"{self.name} of {self.host} {what} while it was read; nothing was loaded", _WAIT
            ) from error


@contextmanager
def download(settings: HttpSettings) -> Iterator[Inputs]:
    """Request the file; the caller decides whether to read its body.

    Raises:
        InputNotFound: The server says that there is no such file (404, 410).
        BadInput: The server refuses it (401, 403 and other answers that do not pass).
        SourceUnavailable: The server does not answer, or with an error that may pass.
    """
    host = urlsplit(settings.url).netloc
    name = unquote(PurePosixPath(urlsplit(settings.url).path).name) or host
    timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS)
    with urllib3.PoolManager(timeout=timeout, retries=_RETRIES) as pool:
        try:
            response = pool.request("GET", settings.url, headers=_headers(settings), preload_content=False)
        except urllib3.exceptions.HTTPError as error:
            raise SourceUnavailable(f"{host} does not answer: {_cause(error)}", _WAIT) from error
        try:
            _check(response.status, settings, host)
            yield Inputs(name, [Download(name, _version(settings.url, response), host, response)])
        finally:
            response.close()


def _headers(settings: HttpSettings) -> dict[str, str]:
    given = {"User-Agent": f"medallion/{__version__}", "Accept-Encoding": "identity"}
    names = ("HTTP_TOKEN", "HTTP_USER", "HTTP_PASSWORD", "HTTP_INSECURE")
    token, user, password, insecure = (os.environ.get(settings.env_prefix + name, "") for name in names)
    if (token or user) and not settings.url.startswith("https://") and not insecure:
        raise Misconfigured(
            f"credentials would go to {urlsplit(settings.url).netloc} unencrypted",
            f"use https, or set {settings.env_prefix}HTTP_INSECURE if the network is trusted",
        )
    for name, value in zip(names, (token, user, password), strict=False):
        if re.search(r"[\x00-\x1f\x7f]", value) or (value == token and not token.isascii()):
            raise Misconfigured(
                f"{settings.env_prefix}{name} holds a line break or another sign that no header can carry",
                "write it into the Secret without one: `kubectl create secret … --from-file` keeps a last line break",
            )
    if token:
        return {**given, "Authorization": f"Bearer {token}"}
    if user:
        if ":" in user:
            raise Misconfigured(f"{settings.env_prefix}HTTP_USER holds a `:`", "a user name of HTTP cannot have one")
        login = base64.b64encode(f"{user}:{password}".encode()).decode()
        return {**given, "Authorization": f"Basic {login}"}
    return given


def _check(status: int, settings: HttpSettings, host: str) -> None:
    if status in (404, 410):
        raise InputNotFound(f"{host} has no {urlsplit(settings.url).path} ({status})", "check `url` of the source")
    if status in (401, 403):
        prefix = settings.env_prefix
        raise BadInput(
            f"{host} refuses {urlsplit(settings.url).path} ({status})",
            f"give {prefix}HTTP_TOKEN, or {prefix}HTTP_USER and {prefix}HTTP_PASSWORD, in the Secret of the source",
        )
    if status in _PASSING or status >= 500:
        raise SourceUnavailable(f"{host} answers {status}, after {_RETRIES.total} retries too", _WAIT)
    if status != 200:
        raise BadInput(f"{host} answers {status} to {urlsplit(settings.url).path}", "check `url` of the source")


def _version(url: str, response: urllib3.BaseHTTPResponse) -> str | None:
    etag, modified = response.headers.get("ETag"), response.headers.get("Last-Modified")
    if etag:
        return f"{url} {etag}"
    return f"{url} {modified} {response.headers.get('Content-Length', '')}" if modified else None


def _cause(error: Exception) -> str:
    """The innermost reason, without the URL that urllib3 repeats."""
    reason = getattr(error, "reason", None) or error
    return str(reason).rpartition(": ")[2].strip("()'\" ") or type(reason).__name__
