"""The bucket of backups: PREFIX/STAMP/FILE, where STAMP is when the backup was begun, such as 2026-11-21T02-30-00Z."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import obstore
from pydantic import ValidationError

from medallion.backups import manifest
from medallion.backups.manifest import CHUNK_BYTES, File, Manifest, hash_file, local_file
from medallion.errors import BadInput, InputNotFound, Misconfigured, SourceUnavailable
from medallion.storage import Bucket

UNFINISHED_DAYS = 1
"""After this many days an upload without a manifest is one that was broken off."""

_STAMP = "%Y-%m-%dT%H-%M-%SZ"
_PART_BYTES = 8 << 20
_MOST_PARTS = 5_000
_DUMP = re.compile(r"(20[0-9TZ-]+)/([^/]+\.dump)")


class BackupBucket:
    """Backups below a URL such as `s3://bucket/prefix`.

    Every method raises `SourceUnavailable` when the storage does not answer and `BadInput` when it refuses.

    Raises:
        Misconfigured: The URL is not the URL of a bucket.
    """

    def __init__(self, url: str) -> None:
        parts = re.fullmatch(r"s3://([a-z0-9][a-z0-9.-]+)(?:/(.*?))?/?", url)
        if parts is None:
            raise Misconfigured("the URL is no bucket of backups", "write s3://bucket/prefix in `backups.bucket.url`")
        self.url = url.rstrip("/")
        self._prefix = f"{parts[2]}/" if parts[2] else ""
        self._bucket = Bucket(
            parts[1],
            url="`backups.bucket.url`",
            secret="the Secret that `backups.bucket.secret` names",
            later="the job is tried again, and backups that are there stay",
        )
        self._store = self._bucket.store()

    def push(self, folder: Path) -> Manifest:
        """Upload the backup in a folder that is named as its stamp, and read back every byte.

        Raises:
            SourceUnavailable: The bucket holds other bytes than it was sent.
        """
        stamp = folder.name
        files = [self._upload(path, f"{stamp}/{path.name}") for path in sorted(folder.iterdir())]
        made = Manifest(files=files)
        self._put(f"{stamp}/{manifest.NAME}", made.model_dump_json(indent=1).encode())
        if stamp not in self.backups():
            raise SourceUnavailable(
                f"{self.url}/{stamp} is uploaded, and the bucket does not show it", "look at the bucket"
            )
        return made

    def backups(self) -> dict[str, Manifest]:
        """Return the complete backups by stamp, oldest first: all files of the manifest exist in full size."""
        found = {}
        for stamp, sizes in sorted(self._stamps().items()):
            made = self._manifest(stamp) if manifest.NAME in sizes else None
            if made and all(sizes.get(file.name) == file.size for file in made.files):
                found[stamp] = made
        return found

    def incomplete(self) -> list[str]:
        """Return stamps that are no backups: their upload was broken off, or objects were lost since."""
        return sorted(self._stamps().keys() - self.backups().keys())

    def fetch(self, name: str, into: Path) -> Path:
        """Download a dump, and the roles next to it, to a folder of the backup's stamp.

        Args:
            name: `STAMP/DATABASE.dump`.
            into: The folder that gets the folder of the stamp.

        Returns:
            The path of the dump.

        Raises:
            InputNotFound: There is no such backup.
            BadInput: An object is not what was uploaded. Nothing of it is left.
        """
        parts = _DUMP.fullmatch(name)
        made = self._manifest(parts[1]) if parts else None
        if parts is None or made is None or parts[2] not in {file.name for file in made.files}:
            known = [f"{stamp}/{dump.name}" for stamp, one in self.backups().items() for dump in one.dumps]
            there = "there are: " + ", ".join(known) if known else "the bucket holds no backup"
            raise InputNotFound(f"no backup {name} in {self.url}", there)
        folder = into / parts[1]
        folder.mkdir(parents=True, exist_ok=True)
        for file in made.files:
            if file.name in (parts[2], "roles.sql"):
                self._download(f"{parts[1]}/{file.name}", file, folder / file.name)
        return folder / parts[2]

    def tidy(self, keep_days: int, now: datetime) -> list[str]:
        """Delete older backups, but never the newest, and uploads that were broken off; return the stamps."""
        whole = self.backups()
        newest = max(whole, default="")
        gone = []
        for stamp, sizes in sorted(self._stamps().items()):
            kept = timedelta(days=keep_days + 1 if manifest.NAME in sizes else UNFINISHED_DAYS)
            if stamp != newest and now - _parse_stamp(stamp) >= kept:
                # Without its manifest it is no backup any more, even if the rest cannot be deleted.
                for name in sorted(sizes, key=lambda name: name != manifest.NAME):
                    self._delete(f"{stamp}/{name}")
                gone.append(stamp)
        return gone

    def _stamps(self) -> dict[str, dict[str, int]]:
        """The files of every stamp with their sizes in bytes; other objects below the prefix are ignored."""
        found: dict[str, dict[str, int]] = {}
        with self._bucket.as_failures(self._prefix or "the list"):
            for meta in (meta for page in obstore.list(self._store, prefix=self._prefix or None) for meta in page):
                stamp, _, name = str(meta["path"]).removeprefix(self._prefix).partition("/")
                if _is_stamp(stamp) and name and "/" not in name:
                    found.setdefault(stamp, {})[name] = meta["size"]
        return found

    def _manifest(self, stamp: str) -> Manifest | None:
        try:
            return Manifest.model_validate_json(b"".join(self._chunks(f"{stamp}/{manifest.NAME}")))
        except (InputNotFound, ValidationError):
            return None

    def _upload(self, path: Path, key: str) -> File:
        sent = local_file(path)
        # A storage takes 10,000 parts at most.
        part = max(_PART_BYTES, -(-sent.size // _MOST_PARTS))
        self._put(key, path, chunk_size=part, max_concurrency=2)
        kept = hash_file(path.name, self._chunks(key))
        if kept != sent:
            raise SourceUnavailable(
                f"{self.url}/{key} is not what was sent: {kept.size} bytes with sha256 {kept.sha256}, "
                f"instead of {sent.size} with {sent.sha256}",
                "this backup is not listed; if it happens again, the storage is not to be trusted",
            )
        return sent

    def _download(self, key: str, file: File, path: Path) -> None:
        part = path.with_name(f"{path.name}.part")

        def written() -> Iterator[bytes]:
            with part.open("wb") as stream:
                for chunk in self._chunks(key):
                    stream.write(chunk)
                    yield chunk

        kept = hash_file(file.name, written())
        if kept != file:
            part.unlink()
            raise BadInput(
                f"{self.url}/{key} is damaged: {kept.size} bytes with sha256 {kept.sha256}, "
                f"where its manifest has {file.size} with {file.sha256}",
                "nothing was restored: take another backup",
            )
        part.rename(path)

    def _put(self, key: str, content: Path | bytes, **options: Any) -> None:
        with self._bucket.as_failures(self._prefix + key):
            obstore.put(self._store, self._prefix + key, content, **options)

    def _chunks(self, key: str) -> Iterator[bytes]:
        with self._bucket.as_failures(self._prefix + key):
            for chunk in obstore.get(self._store, self._prefix + key).stream(min_chunk_size=CHUNK_BYTES):
                yield bytes(chunk)

    def _delete(self, key: str) -> None:
        with self._bucket.as_failures(self._prefix + key):
            obstore.delete(self._store, self._prefix + key)


def _is_stamp(name: str) -> bool:
    try:
        _parse_stamp(name)
    except ValueError:
        return False
    return True


def _parse_stamp(stamp: str) -> datetime:
    return datetime.strptime(stamp, _STAMP).replace(tzinfo=timezone.utc)
