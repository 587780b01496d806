"""`python -m medallion.cleaner`: does one task of kind `clean`, which cleans a source under a contract and loads it."""

from __future__ import annotations

import os
from pathlib import Path

from medallion.errors import Misconfigured
from medallion.protocol.clean_work import CleanWork
from medallion.protocol.task import TaskSpec
from medallion.runtime import step
from medallion.runtime.session import Job
from medallion.runtime.signals import run_main


def main(arguments: list[str]) -> int:
    """Run the command and return its exit code."""
    return step.main(arguments, "medallion.cleaner", build_job)


def build_job(task: TaskSpec) -> Job:
    """Return the work that a task asks for.

    Raises:
        Misconfigured: It is another image's.
    """
    work = task.work
    if not isinstance(work, CleanWork):
        raise Misconfigured(f"the cleaner does no work of kind {work.kind!r}", "use the dbt image")
    # One thread cleans while Postgres takes what is clean: more would only wait for each other.
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    # polars takes a moment to import: a task that cannot be read fails before that.
    from medallion.cleaner.job import Source
    from medallion.cleaner.load import load, make_job
    from medallion.cleaner.parts import do_part
    from medallion.cleaner.replay import replay
    from medallion.config.sources.csv import one_file

    lock = f"table:{task.schema_prefix}{work.contract.table}"
    if (run_id := work.replay) is not None:
        increment = work.source.incremental if work.source else None
        rows = Path(work.input) if work.input else None
        return Job(lambda session: replay(make_job(work.contract, increment, session), run_id, rows), lock)
    settings, landing = work.source, Path(work.landing)
    if work.input is not None:
        file = Path(work.input)
        source = Source(lambda _: one_file(file))
    else:
        assert settings is not None
        source = Source(lambda known: settings.open_inputs(landing, known), settings.incremental)
    if (part := work.part) is not None:
        lock += f"#{part.pack}" if part.does == "load" else ""
        return Job(lambda session: do_part(work.contract, source, session, part), lock)
    return Job(lambda session: load(work.contract, source, session), lock)


if __name__ == "__main__":
    run_main(main)
