"""A reader who asks all along while something goes on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg


@contextmanager
def polling(query: str) -> Iterator[set[Any]]:
    """What a reader sees who asks again and again; any error of his is raised at the end."""
    seen: set[Any] = set()
    failed: list[BaseException] = []
    stop = threading.Event()

    def read() -> None:
        try:
            with psycopg.connect("", autocommit=True) as reader:
                while not stop.is_set():
                    seen.update(reader.execute(query).fetchall())  # type: ignore[arg-type]
        except BaseException as error:
            failed.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield seen
    finally:
        stop.set()
        reader.join(120)
    assert failed == [], failed
