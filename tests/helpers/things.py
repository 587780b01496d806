"""A contract of two columns, and files of any length under it."""

from __future__ import annotations

from pathlib import Path

CONTRACT = '{"name": "things", "table": "cleaned.things", "fields": [{"name": "id"}, {"name": "note"}]}'


def rows(path: Path, count: int) -> Path:
    path.write_bytes(b"id,note\n" + b"".join(b"%d,note %d\n" % (n, n) for n in range(count)))
    return path
