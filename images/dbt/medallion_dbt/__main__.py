"""`python -m medallion_dbt`: one layer of a run. Also `bake` (parse the project) and `debug` (dbt's own check)."""

from __future__ import annotations

import gc
import sys
import tempfile

from medallion.arguments import StepParser, step_of
from medallion.failures import ExitCode
from medallion.step import Task, run_step
from medallion.stopping import stoppable


def parser() -> StepParser:
    """The command's arguments."""
    made = StepParser("medallion_dbt", "Runs, tests and publishes one layer of a run.")
    made.add_argument("--layer", help="needed by every phase but freshness")
    made.add_argument("--select", required=True, help="dbt selector of the layer's models, or of sources")
    made.add_argument(
        "--layers",
        action="append",
        default=[],
        metavar="NAME=SELECT",
        help="each layer of the pipeline, in order",
    )
    made.add_argument("--models", default="", help="the pipeline's own folder of models")
    made.add_argument("--phase", choices=("build", "run", "test", "freshness"), default="build")
    made.add_argument("--publish", action="store_true", help="build beside what readers see, publish after the tests")
    made.add_argument("--no-gate", action="store_true", help="failing tests are reported and stop nothing")
    made.add_argument("--full-refresh", action="store_true", help="build incremental models from nothing")
    return made


def main(arguments: list[str]) -> int:
    """Runs the command; returns its exit code."""
    if arguments[:1] == ["bake"]:
        from medallion_dbt.manifest import bake

        sys.stdout.write(f"{bake()}\n")
        return 0
    if arguments[:1] == ["debug"]:
        return _debug()
    task = task_of(arguments)
    return run_step(task.step, task.work, task.lock, task_of)


def task_of(arguments: list[str]) -> Task:
    """What the arguments and the environment say to do."""
    known = parser()
    given = known.parse_args(arguments)
    if given.layer is None and given.phase != "freshness":
        known.error(f"the phase {given.phase} needs --layer")
    # dbt takes more than a second to import: a wrong argument is told before that. What it imports stays for
    # good, so the collector need not walk through it: a twelfth of the CPU time before the first model.
    gc.disable()
    from medallion_dbt.freshness import check_freshness
    from medallion_dbt.layer import Layer, run_layer

    gc.freeze()
    gc.enable()

    if given.phase == "freshness":
        lock = f"freshness:{given.schema_prefix}{given.select}"
        return Task(step_of(given), lambda session: check_freshness(given.select, session), lock)
    layers = tuple((name, select) for name, _, select in (word.partition("=") for word in given.layers))
    if layers and given.layer not in dict(layers):
        known.error(f"the layer {given.layer} is not among --layers")
    layer = Layer(
        given.layer,
        given.select,
        given.phase,
        given.publish,
        not given.no_gate,
        given.full_refresh,
        layers,
        given.models,
    )
    lock = f"layer:{given.schema_prefix}{given.select}"
    return Task(step_of(given, given.layer), lambda session: run_layer(layer, session), lock)


def _debug() -> int:
    from dbt.cli.main import dbtRunner

    from medallion_dbt.manifest import PROJECT

    with tempfile.TemporaryDirectory() as folder:
        places = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT), "--log-path", folder]
        # Only the connection: dbt's other check is for git, which the image has no use for.
        done = dbtRunner().invoke(["--log-level-file", "none", "debug", "--connection", *places])
    if done.exception is not None:
        sys.stderr.write(f"{done.exception}\n")
    return ExitCode.OK if done.success else ExitCode.WAREHOUSE_AWAY


if __name__ == "__main__":
    sys.exit(stoppable(main))
