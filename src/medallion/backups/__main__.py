"""`python -m medallion.backups push | list | fetch STAMP/DATABASE.dump`: backups in a bucket.

The environment names the folder of dumps (BACKUPS), the bucket (BACKUPS_URL), how many days backups stay
(RETENTION_DAYS) and the bucket's login (AWS_…).
"""

from __future__ import annotations

import argparse
import os
import sys
from datetime import datetime, timezone
from pathlib import Path

from medallion.backups.bucket import BackupBucket
from medallion.errors import ExitCode, InputNotFound, StepFailure

_UNITS = "BKMGT"


def main(arguments: list[str]) -> int:
    """Run the command; return its exit code."""
    made = argparse.ArgumentParser("medallion.backups", description="Backups in a bucket.")
    verbs = made.add_subparsers(dest="verb", required=True)
    verbs.add_parser("push", help="upload what the folder BACKUPS holds, then delete backups that are too old")
    verbs.add_parser("list", help="the backups that there are")
    verbs.add_parser("fetch", help="download a dump to BACKUPS").add_argument("name", metavar="STAMP/DATABASE.dump")
    given = made.parse_args(arguments)
    folder = Path(os.environ.get("BACKUPS", "/backups"))
    try:
        bucket = BackupBucket(os.environ.get("BACKUPS_URL", ""))
        if given.verb == "push":
            push(bucket, folder, int(os.environ.get("RETENTION_DAYS", "14")))
        elif given.verb == "list":
            show(bucket)
        else:
            _say(f"{bucket.fetch(given.name, folder)}: as it was uploaded to {bucket.url}")
    except StepFailure as failure:
        sys.stderr.write(f"{failure.message}\nhint: {failure.remedy}\n")
        return failure.code
    return ExitCode.OK


def push(bucket: BackupBucket, folder: Path, keep_days: int) -> None:
    """Upload the backups of a folder. Only then may older ones go.

    Raises:
        StepFailure: An upload failed. What is in the bucket already stays.
    """
    backups = sorted(folder.glob("20*Z"))
    if not backups:
        raise InputNotFound(f"there is no backup in {folder}", "the log of the dump says why")
    for backup in backups:
        for file in bucket.push(backup).dumps:
            _say(f"{bucket.url}/{backup.name}/{file.name}: {file.size} bytes, read back, sha256 {file.sha256}")
    try:
        for stamp in bucket.tidy(keep_days, datetime.now(timezone.utc)):
            _say(f"{bucket.url}/{stamp}: deleted")
    except StepFailure as failure:
        # A new backup is there. With keys that may not delete, the bucket's own rules tidy it.
        sys.stderr.write(f"old backups stay: {failure.message}\nhint: {failure.remedy}\n")


def show(bucket: BackupBucket) -> None:
    """Print size and name of each dump, oldest first.

    Raises:
        InputNotFound: The bucket holds no backup.
    """
    found = bucket.backups()
    for stamp in bucket.incomplete():
        sys.stderr.write(f"{stamp} is no backup: its upload did not end, or objects are lost\n")
    if not found:
        raise InputNotFound(f"there is no backup in {bucket.url}", "make one: make backup")
    for stamp, made in found.items():
        for file in made.dumps:
            _say(f"{_readable(file.size)}\t{stamp}/{file.name}")


def _readable(size: float) -> str:
    for unit in _UNITS:
        if size < 1024 or unit == _UNITS[-1]:
            break
        size /= 1024
    return f"{size:.0f}{unit}"


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
