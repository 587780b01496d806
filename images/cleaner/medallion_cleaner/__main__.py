"""`python -m medallion_cleaner`: cleans one file under the contract in `MEDALLION_CONTRACT` and loads it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from medallion.arguments import StepParser, step_of
from medallion.failures import ExitCode
from medallion.spec.connectors import AnySettings
from medallion.spec.contract import Contract
from medallion.spec.findings import SpecError
from medallion.spec.part import Part
from medallion.spec.source import parse
from medallion.step import Task, run_step
from medallion.stopping import stoppable


def parser() -> StepParser:
    """The command's arguments."""
    made = StepParser("medallion_cleaner", "Cleans a CSV under a data contract and loads it.")
    made.add_argument("--input", type=Path, help="the CSV file, plain or gzipped; without it: MEDALLION_SOURCE")
    made.add_argument(
        "--landing", type=Path, default=Path(), help="the folder that paths in MEDALLION_SOURCE are below"
    )
    return made


def main(arguments: list[str]) -> int:
    """Runs the command; returns its exit code."""
    try:
        task = task_of(arguments)
    except SpecError as error:
        sys.stderr.write(f"{error}\n")
        return ExitCode.USAGE
    return run_step(task.step, task.work, task.lock, task_of)


def task_of(arguments: list[str]) -> Task:
    """What the arguments and the environment say to do.

    Raises:
        SpecError: The contract or the source cannot be used.
    """
    given = parser().parse_args(arguments)
    # JSON is YAML, and so a contract's errors are told by line and key here too.
    contract = parse(os.environ.get("MEDALLION_CONTRACT", ""), Contract, "MEDALLION_CONTRACT")
    settings = None if given.input else _settings(os.environ.get("MEDALLION_SOURCE", ""))
    # polars takes a moment to import: wrong arguments are told before that.
    from medallion_cleaner.inputs import inputs_of, one_file
    from medallion_cleaner.load import Source, load

    if settings is None:
        source = Source(lambda _: one_file(given.input))
    else:
        source = Source(lambda known: inputs_of(settings, given.landing, known), settings.incremental)
    lock = f"table:{given.schema_prefix}{contract.table}"
    return Task(step_of(given), lambda session: load(contract, source, session), lock)


def _settings(text: str) -> AnySettings:
    return parse(f"source: {text}" if text else "{}", _Told, "MEDALLION_SOURCE").source


class _Told(Part):
    source: AnySettings


if __name__ == "__main__":
    sys.exit(stoppable(main))
