"""`python -m medallion.dbt`: one layer of a run, or its sources' freshness, as its task says.

Also `bake` (parse the project) and `debug` (dbt's own check).
"""

from __future__ import annotations

import gc
import sys
import tempfile
from pathlib import Path

from medallion.config.places import dbt_project
from medallion.errors import ExitCode, Misconfigured
from medallion.protocol.project_archive import PROJECT_FILE
from medallion.protocol.task import TaskSpec
from medallion.protocol.work import FreshnessWork, LayerWork
from medallion.runtime import step
from medallion.runtime.session import Job
from medallion.runtime.signals import run_main


def main(arguments: list[str]) -> int:
    """Run the command and return its exit code."""
    if arguments[:1] == ["bake"]:
        return _bake()
    if arguments[:1] == ["debug"]:
        return _debug()
    return step.main(arguments, "medallion.dbt", build_job)


def build_job(task: TaskSpec) -> Job:
    """Return the work that a task asks for.

    Raises:
        Misconfigured: It is another image's.
    """
    work = task.work
    if not isinstance(work, FreshnessWork | LayerWork):
        raise Misconfigured(f"the dbt image does no work of kind {work.kind!r}", "use the cleaner image")
    # dbt takes more than a second to import: a task that cannot be read fails before that. What it imports stays for
    # good, and so does the manifest: the collector would walk through both many times before the first model.
    gc.disable()
    gc.set_threshold(100_000)
    from medallion.dbt.freshness import check_freshness
    from medallion.dbt.layer import run_layer

    gc.freeze()
    gc.enable()

    if isinstance(work, FreshnessWork):
        lock = f"freshness:{task.schema_prefix}{work.select}"
        return Job(lambda session: check_freshness(work, session), lock)
    lock = f"layer:{task.schema_prefix}{work.select}"
    return Job(lambda session: run_layer(work, session), lock)


def _bake() -> int:
    from medallion.dbt.checkout import Checkout
    from medallion.dbt.manifest import FolderStore, load_manifest

    checkout = Checkout(dbt_project())
    parsed = load_manifest(checkout, FolderStore(checkout))
    sys.stdout.write(f"dbt parsed {parsed.files} files of {checkout.folder}\n")
    return ExitCode.OK


def _debug() -> int:
    from dbt.cli.main import dbtRunner

    from medallion.dbt.checkout import Checkout

    with tempfile.TemporaryDirectory() as folder:
        project = dbt_project()
        if not (project / PROJECT_FILE).is_file():  # dbt asks for one, whatever it checks
            project = Path(folder)
            (project / PROJECT_FILE).write_text("name: none\nprofile: medallion\n", encoding="utf-8")
        places = Checkout(project).connection_flags(Path(folder))
        # Only the connection: dbt's other check is for git, which the image has no use for.
        done = dbtRunner().invoke(["--log-level-file", "none", "debug", "--connection", *places, "--log-path", folder])
    if done.exception is not None:
        sys.stderr.write(f"{done.exception}\n")
    return ExitCode.OK if done.success else ExitCode.WAREHOUSE_UNAVAILABLE


if __name__ == "__main__":
    run_main(main)
