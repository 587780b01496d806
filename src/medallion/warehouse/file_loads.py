"""What a run does with each file of a source: which pack it is in, where its rows are staged, and how its load ended.

The rows of a file and its row here are written in one transaction, so another attempt loads only what is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from heapq import heapify, heapreplace
from typing import Any, Literal

from psycopg.rows import class_row, dict_row
from psycopg.types.json import Jsonb

from medallion.errors import WarehouseUnavailable
from medallion.warehouse.connection import Connection
from medallion.warehouse.ledger import StepRun

_OF_STEP = "pipeline = %(pipeline)s and run_id = %(run)s and step = %(step)s"


@dataclass(frozen=True)
class FileLoad:
    """One file of a source in one run."""

    file: str
    pack: int = 0
    version: str | None = None
    bytes: int | None = None
    status: Literal["waiting", "loaded", "failed"] = "waiting"
    rows_in: int | None = None
    rows_loaded: int | None = None
    rows_rejected: int | None = None
    seconds: float | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


def find_stage(connection: Connection, schema: str, step: StepRun, terms: str) -> str | None:
    """Return the build in which an earlier attempt of the run has staged files, if it was under the same terms."""
    row = connection.execute(
        f"""select build_schema from medallion.builds
            where {_OF_STEP} and published_schema = %(schema)s and published_at is null
                and fingerprint = %(terms)s
            order by created_at desc limit 1""",
        {**_names(step), "schema": schema, "terms": terms},
    ).fetchone()
    return None if row is None else str(row[0])


def name_terms(connection: Connection, build: str, terms: str) -> None:
    """Record under which terms the files of a build are staged."""
    connection.execute("update medallion.builds set fingerprint = %s where build_schema = %s", (terms, build))


def hold_stage(connection: Connection, build: str) -> None:
    """Keep a stage from being published or dropped until this transaction ends.

    Raises:
        WarehouseUnavailable: It is published or dropped: another attempt has taken over.
    """
    row = connection.execute(
        "select published_at is null from medallion.builds where build_schema = %s for share", (build,)
    ).fetchone()
    if row != (True,):
        raise WarehouseUnavailable(f"the stage {build} is gone: another attempt took over", "see that attempt")


def pin(
    connection: Connection, step: StepRun, build: str, files: list[FileLoad], packs: int, *, adds: bool
) -> list[str]:
    """Record which files the run loads, and in which of its packs. Files that are staged as they are now stay staged.

    Args:
        connection: To the warehouse.
        step: The source's step.
        build: The stage.
        files: What there is, with versions and sizes.
        packs: How many packs there are. A file stays in its pack.
        adds: Whether files that the run has already published stay in the table.

    Returns:
        The files that are staged, and are gone or have another version: their rows are to be removed.
    """
    known = {one.file: one for one in read(connection, step, build)}
    now = {one.file: one for one in files}
    same = {
        name
        for name, one in known.items()
        if name in now and one.status == "loaded" and one.version is not None and one.version == now[name].version
    }
    connection.execute(
        f"""delete from medallion.file_loads
            where {_OF_STEP} and not (build_schema = %(build)s and file = any(%(same)s))
                and (not %(adds)s or build_schema = %(build)s or file = any(%(now)s))""",
        {**_names(step), "build": build, "same": list(same), "adds": adds, "now": list(now)},
    )
    place = _divide(files, known, packs)
    with connection.cursor() as cursor:
        cursor.executemany(
            """insert into medallion.file_loads (pipeline, run_id, step, file, build_schema, pack, version, bytes)
               values (%s, %s, %s, %s, %s, %s, %s, %s)""",
            [
                (step.pipeline, step.run_id, step.step, one.file, build, place[one.file], one.version, one.bytes)
                for one in files
                if one.file not in same
            ],
        )
    return [name for name, one in known.items() if one.status == "loaded" and name not in same]


def read(connection: Connection, step: StepRun, build: str | None = None, pack: int | None = None) -> list[FileLoad]:
    """Return the files of a run by name: all, or those of one pack."""
    with connection.cursor(row_factory=class_row(FileLoad)) as cursor:
        return cursor.execute(
            f"""select {_COLUMNS} from medallion.file_loads
                where {_OF_STEP} and build_schema = coalesce(%(build)s, build_schema)
                    and pack = coalesce(%(pack)s, pack)
                order by file collate "C" """.encode(),
            {**_names(step), "build": build, "pack": pack},
        ).fetchall()


def list_by_step(connection: Connection, pipeline: str, run_id: str) -> dict[str, list[dict[str, Any]]]:
    """Return the files of a run by their step, by name, for reports."""
    found: dict[str, list[dict[str, Any]]] = {}
    with connection.cursor(row_factory=dict_row) as cursor:
        for row in cursor.execute(
            """select step, file, status, rows_in, rows_loaded, rows_rejected, seconds,
                   coalesce(details ->> 'message', '') as message
               from medallion.file_loads where pipeline = %s and run_id = %s order by step, file collate "C" """,
            (pipeline, run_id),
        ):
            found.setdefault(row.pop("step"), []).append(row)
    return found


def claim(connection: Connection, step: StepRun, build: str, file: str) -> bool:
    """Keep others from loading a file until this transaction ends. Return whether it is still to be loaded."""
    row = connection.execute(
        f"""select status <> 'loaded' from medallion.file_loads
            where {_OF_STEP} and build_schema = %(build)s and file = %(file)s for update""",
        {**_names(step), "build": build, "file": file},
    ).fetchone()
    return row == (True,)


def record(connection: Connection, step: StepRun, build: str, load: FileLoad) -> None:
    """Record how the load of a file ended. A file that is loaded stays so."""
    connection.execute(
        f"""update medallion.file_loads
            set version = %(version)s, status = %(status)s, rows_in = %(rows_in)s, rows_loaded = %(rows_loaded)s,
                rows_rejected = %(rows_rejected)s, seconds = %(seconds)s, details = %(details)s,
                recorded_at = clock_timestamp()
            where {_OF_STEP} and build_schema = %(build)s and file = %(file)s and status <> 'loaded'""",
        {**load.__dict__, **_names(step), "build": build, "details": Jsonb(dict(load.details))},
    )


def recount(connection: Connection, step: StepRun, build: str, loaded: Mapping[str, int]) -> None:
    """Correct the rows of each file, once rows whose key repeats have been moved to the quarantine."""
    connection.execute(
        f"""with known (name, rows) as (select * from unnest(%(files)s::text[], %(rows)s::bigint[]))
            update medallion.file_loads
            set rows_loaded = coalesce((select rows from known where name = file), 0),
                rows_rejected = rows_in - coalesce((select rows from known where name = file), 0)
            where {_OF_STEP} and build_schema = %(build)s and status = 'loaded'""",
        {**_names(step), "build": build, "files": list(loaded), "rows": list(loaded.values())},
    )


def _divide(files: list[FileLoad], known: Mapping[str, FileLoad], packs: int) -> dict[str, int]:
    """Return the pack of each file: the one it has; else, from the largest file on, the one with the fewest bytes."""
    place = {one.file: known[one.file].pack for one in files if one.file in known and known[one.file].pack < packs}
    weights = [0] * packs
    for one in files:
        if one.file in place:
            weights[place[one.file]] += _weight(one)
    heap = [(weight, number) for number, weight in enumerate(weights)]
    heapify(heap)
    for one in sorted(files, key=lambda one: (-_weight(one), one.file)):
        if one.file not in place:
            weight, number = heap[0]
            place[one.file] = number
            heapreplace(heap, (weight + _weight(one), number))
    return place


def _weight(load: FileLoad) -> int:
    return (load.bytes or 0) + _BYTES_OF_A_START


_BYTES_OF_A_START = 200_000
"""A file costs time besides its bytes: about as much as so many of them."""
_COLUMNS = "file, pack, version, bytes, status, rows_in, rows_loaded, rows_rejected, seconds, details"


def _names(step: StepRun) -> dict[str, str]:
    return {"pipeline": step.pipeline, "run": step.run_id, "step": step.step}
