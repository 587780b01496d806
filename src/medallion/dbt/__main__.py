"""`python -m medallion.dbt`: one layer of a run, or its sources' freshness, as its task says.

Also `bake` (parse the project) and `debug` (dbt's own check).
"""

from __future__ import annotations

import gc
import sys
import tempfile

from medallion.errors import ExitCode, Misconfigured
from medallion.protocol.task import CleanWork, FreshnessWork, TaskSpec
from medallion.runtime import step
from medallion.runtime.signals import run_main


def main(arguments: list[str]) -> int:
    """Run the command and return its exit code."""
    if arguments[:1] == ["bake"]:
        from medallion.dbt.manifest import bake

        sys.stdout.write(f"{bake()}\n")
        return 0
    if arguments[:1] == ["debug"]:
        return _debug()
    return step.main(arguments, "medallion.dbt", build_job)


def build_job(task: TaskSpec) -> step.Job:
    """Return the work that a task asks for.

    Raises:
        Misconfigured: It is another image's.
    """
    work = task.work
    if isinstance(work, CleanWork):
        raise Misconfigured(f"the dbt image does no work of kind {work.kind!r}", "use the cleaner image")
    # dbt takes more than a second to import: a task that cannot be read fails before that. What it imports stays for
    # good, so the collector need not walk through it: a twelfth of the CPU time before the first model.
    gc.disable()
    from medallion.dbt.freshness import check_freshness
    from medallion.dbt.layer import Layer, run_layer

    gc.freeze()
    gc.enable()

    if isinstance(work, FreshnessWork):
        lock = f"freshness:{task.schema_prefix}{work.select}"
        return step.Job(lambda session: check_freshness(work.select, session), lock)
    flags = (work.publish, work.on_test_failure, work.full_refresh)
    layer = Layer(work.layer, work.select, work.phase, *flags, layers=work.layers, models=work.models)
    lock = f"layer:{task.schema_prefix}{work.select}"
    return step.Job(lambda session: run_layer(layer, session), lock)


def _debug() -> int:
    from dbt.cli.main import dbtRunner

    from medallion.dbt.manifest import PROJECT

    with tempfile.TemporaryDirectory() as folder:
        places = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT), "--log-path", folder]
        # Only the connection: dbt's other check is for git, which the image has no use for.
        done = dbtRunner().invoke(["--log-level-file", "none", "debug", "--connection", *places])
    if done.exception is not None:
        sys.stderr.write(f"{done.exception}\n")
    return ExitCode.OK if done.success else ExitCode.WAREHOUSE_UNAVAILABLE


if __name__ == "__main__":
    sys.exit(run_main(main))
