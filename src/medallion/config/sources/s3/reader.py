"""The connector `s3`: objects of a storage that speaks S3, one or all that match a pattern.

An object is read by one request that names its version, so that what is read is never half old and half new.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from fnmatch import translate
from typing import Any

import obstore
from obstore.store import S3Store

from medallion.config.sources.base import is_pattern
from medallion.config.sources.s3 import S3Settings
from medallion.config.sources.stream import CHUNK_BYTES, Inputs
from medallion.errors import InputNotFound
from medallion.storage import Bucket


@dataclass
class StoredObject:
    """An object, known by its ETag."""

    name: str
    version: str | None
    bucket: Bucket
    store: S3Store
    delivered_at: datetime
    size: int

    def chunks(self) -> Iterator[bytes]:
        """Read the object, as long as it is the version that was listed."""
        with self.bucket.as_failures(self.name):
            options: Any = {"if_match": self.version} if self.version else {}
            for chunk in obstore.get(self.store, self.name, options=options).stream(min_chunk_size=CHUNK_BYTES):
                yield bytes(chunk)


@contextmanager
def objects(settings: S3Settings, known: Mapping[str, str]) -> Iterator[Inputs]:
    """Yield the objects of a source, in the order of their keys.

    Raises:
        InputNotFound: There is no object that matches, or no such bucket.
        BadInput: The storage refuses to show them.
        SourceUnavailable: The storage does not answer.
    """
    name, _, key = settings.url.removeprefix("s3://").partition("/")
    bucket = Bucket(name, settings.env_prefix)
    store = bucket.store()
    many = settings.incremental is not None or is_pattern(key)
    with bucket.as_failures(key):
        found = _matching(store, key) if is_pattern(key) else [obstore.head(store, key)]
    if not found and not known:
        raise InputNotFound(f"no object matches {settings.url}", "check `url` of the source, and what the bucket holds")
    inputs = [
        StoredObject(meta["path"], meta["e_tag"], bucket, store, meta["last_modified"], meta["size"]) for meta in found
    ]
    yield Inputs(settings.url if many else key.rpartition("/")[2], [*inputs], many)


def _matching(store: S3Store, pattern: str) -> list[Any]:
    fixed = re.split(r"[*?\[]", pattern, maxsplit=1)[0].rpartition("/")[0]
    # As in a shell, `*` stays within a folder.
    parts = [re.compile(translate(part)) for part in pattern.split("/")]
    found = [meta for page in obstore.list(store, prefix=fixed or None) for meta in page if _fits(meta["path"], parts)]
    return sorted(found, key=lambda meta: str(meta["path"]))


def _fits(key: str, parts: list[re.Pattern[str]]) -> bool:
    names = key.split("/")
    return len(names) == len(parts) and all(part.match(name) for part, name in zip(parts, names, strict=True))
