"""Adoption: relations that plain dbt built become a build, and the views of readers take their place.

All of it is one transaction: readers never miss a relation, and an adoption that is stopped has changed nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

from psycopg import sql

from medallion.errors import Misconfigured, WarehouseUnavailable
from medallion.protocol.result import TaskResult
from medallion.warehouse import builds, carry, ledger, publication, switching, views
from medallion.warehouse.access import copy_access
from medallion.warehouse.connection import Connection
from medallion.warehouse.dependents import Dependent, find_dependents, follow
from medallion.warehouse.dressing import copy_comments
from medallion.warehouse.ledger import ADOPTION, StepRun
from medallion.warehouse.lock import lock_until_commit


@dataclass(frozen=True)
class Part:
    """What a step makes in one schema: names of relations."""

    step: str
    published: bool
    schema: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Found:
    """A relation that Medallion did not make, in the place of one of a step."""

    part: Part
    name: str
    kind: str
    oid: int

    def __str__(self) -> str:
        return f"{self.part.schema}.{self.name}"


@dataclass(frozen=True)
class Adopted:
    """What an adoption did.

    Attributes:
        run_id: Of the adoption, in the ledger; empty if there was nothing to adopt.
        relations: What it took over.
        followed: Views of others that read the views of readers now.
        left: What still reads the adopted data, whatever later runs publish.
    """

    run_id: str = ""
    relations: tuple[Found, ...] = ()
    followed: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


def adopt(
    connection: Connection, pipeline: str, parts: Sequence[Part], commit: str, *, dry_run: bool = False
) -> Adopted:
    """Take over the relations of a pipeline that are not views of ours.

    Args:
        connection: To the warehouse, with the role that runs the pipeline.
        pipeline: Its name.
        parts: All that its steps make.
        commit: For the ledger.
        dry_run: Do all of it, and undo it: what an adoption would meet is met.

    Raises:
        Misconfigured: A relation cannot be taken over; it names all such relations, and nothing has changed.
        WarehouseUnavailable: A reader's transaction does not let go of a relation.
    """
    began = datetime.now(timezone.utc)
    run_id = f"adopt__{began:%Y-%m-%dT%H:%M:%S}__{uuid.uuid4().hex[:4]}"
    with connection.transaction(force_rollback=dry_run):
        lock_until_commit(connection, f"publish:{pipeline}")
        found, dependents = _lock(connection, parts)
        if not found:
            return Adopted()
        for part in parts:
            names = [one.name for one in found if one.part == part]
            if names:
                step = StepRun(pipeline, run_id, part.step, commit=commit)
                _take_over(connection, step, part, names)
        followed = [other for other in dependents if follow(connection, other)]
        message = f"relations taken over: {len(found)}"
        ledger.record(
            connection, StepRun(pipeline, run_id, ADOPTION, commit=commit), began, TaskResult(message=message)
        )
    left = tuple(other.title for other in dependents if other not in followed)
    return Adopted(run_id, tuple(found), tuple(other.title for other in followed), left)


def _lock(connection: Connection, parts: Sequence[Part]) -> tuple[list[Found], list[Dependent]]:
    """Lock all that moves and all views that follow, so that nothing waits for a reader later; return them."""
    found = _find(connection, parts)
    dependents = find_dependents(connection, [one.oid for one in found])
    # A move to its own schema changes nothing, and locks tables, views and materialized views alike.
    statements = [
        sql.SQL("alter table {} set schema {}").format(
            sql.Identifier(one.part.schema, one.name), sql.Identifier(one.part.schema)
        )
        for one in found
    ]
    statements += [statement for other in dependents for statement in other.locking]
    for part in {one.part for one in found}:
        statements += [switching.locking(part.schema, name) for name in _ours(connection, part)]
    switching.lock_by(connection, statements, sorted({one.part.schema for one in found}))
    if _find(connection, parts) != found:
        raise WarehouseUnavailable("relations were created or dropped meanwhile", "run again when nothing writes them")
    return found, dependents


def _find(connection: Connection, parts: Sequence[Part]) -> list[Found]:
    found, refused = [], []
    for part in parts:
        kinds = views.taken(connection, part.schema, part.names)
        for name, oid, reason in connection.execute(_REASONS, (part.schema, sorted(kinds))).fetchall():
            one = Found(part, str(name), kinds[str(name)], int(oid))  # type: ignore[call-overload]
            found.append(one)
            if reason is not None:
                refused.append(f"{one} {reason}")
    if refused:
        raise Misconfigured(
            "\n".join(["nothing was taken over, as some relations cannot be:", *refused]),
            "change, rename or drop them, or adopt with a role that owns them",
        )
    return found


def _ours(connection: Connection, part: Part) -> dict[str, str]:
    """The relations of a part that Medallion has published, with their builds."""
    mine = views.published(connection, part.schema)
    return {name: mine[name] for name in part.names if part.published and name in mine}


def _take_over(connection: Connection, step: StepRun, part: Part, names: Sequence[str]) -> None:
    schema, ours = part.schema, _ours(connection, part)
    build = builds.make(connection, schema, step)
    for name in names:
        switching.put_before(connection, schema, name, build)
        copy_access(connection, sql.Identifier(build, name), sql.Identifier(schema, name))
        copy_comments(connection, schema, build, name)
    # A rollback shows all of a build, and nothing else of its step: what was published before is a part of this one.
    for name, source in ours.items():
        carry.stand_in(connection, build, name, source)
    switching.swap(connection, schema, build, list(ours))
    relations = [*names, *ours]
    publication.finish(connection, build, relations)
    if part.published:
        publication.record_publication(connection, step.pipeline, step.run_id, step.step, schema, build, relations)


_REASONS = """
    select relname, pg_class.oid::bigint, case
        when relkind not in ('r', 'v', 'm') then 'is not a table, view or materialized view'
        when not pg_has_role(relowner, 'usage')
            then format('belongs to the role %%s, and %%s is not a member of it', relowner::regrole, current_user)
        when not has_schema_privilege(relnamespace, 'create')
            then format('is in a schema in which %%s may create nothing', current_user)
        when relrowsecurity then 'has row-level security, which does not apply to the readers of a view'
        when relkind = 'v' and coalesce(reloptions, '{}')::text ~ 'security_invoker=(true|on|1|yes)'
            then 'reads with the rights of its reader (security_invoker), which a view of it does not'
        when exists (
            select from pg_depend where classid = 'pg_class'::regclass and objid = pg_class.oid and deptype = 'e')
            then 'belongs to an extension'
        end
    from pg_class where relnamespace = to_regnamespace(quote_ident(%s)) and relname = any(%s) order by relname
"""
