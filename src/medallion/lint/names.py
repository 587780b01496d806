"""Pipelines and schedules that get in each other's way: by a name, or by a table that both write."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from medallion.config.diagnostics import Diagnostic
from medallion.config.folder import DagFolder, Runnable


def alike(folder: DagFolder) -> Iterator[Diagnostic]:
    """Yield a warning for names that differ only in case: Kubernetes and some file systems take them for one."""
    seen: dict[str, Runnable] = {}
    for one in folder.runnables:
        other = seen.setdefault(one.name.lower(), one)
        if other.name != one.name:
            message = f"differs from {other.name!r} in {other.schedule_file.name} only in case"
            yield (
                one.warn_of_schedule("name", message, "choose another name")
                if one.schedule_key != ("schedule",)
                else one.warn(("name",), message, "choose another name")
            )


def one_table(folder: DagFolder) -> Iterator[Diagnostic]:
    """Yield a diagnostic for each table that two pipelines or jobs write from different sources."""
    writers: dict[tuple[str | None, str], dict[Any, Runnable]] = defaultdict(dict)
    for one in folder.runnables:
        pipeline = one.file.pipeline
        for source in pipeline.sources:
            table = f"{pipeline.schema_prefix}{one.file.contracts[source.contract].table}"
            data = source.model_dump_json(exclude={"name"})
            other = next(iter(writers[pipeline.tenant, table].values()), None)
            if data not in writers[pipeline.tenant, table] and other is not None:
                message = f"{one.name!r} writes {table} from another source than {other.name!r} in {other.file.path}"
                remedy = "give each a table of its own: another contract, `target.table` or `schema_prefix`"
                yield one.warn((), message, remedy)
            writers[pipeline.tenant, table].setdefault(data, one)


def one_model(folder: DagFolder) -> Iterator[Diagnostic]:
    """Yield a warning for pipelines that build the same models into the same schemas."""
    seen: dict[tuple[str | None, str, str, str], Runnable] = {}
    for one in folder.runnables:
        pipeline = one.file.pipeline
        project = pipeline.dbt.project
        for layer in pipeline.layers:
            selected = layer.select or f"{pipeline.models}/{layer.name}"
            other = seen.setdefault((pipeline.tenant, pipeline.schema_prefix, project, selected), one)
            if other.file.path != one.file.path:
                message = f"builds {selected} into the same schema as {other.name!r}"
                yield one.warn(("layers",), message, "give one of them a `schema_prefix`")
