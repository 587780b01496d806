"""What every image's command is told: which step of which run it is. The plan writes these arguments."""

from __future__ import annotations

import argparse
import os
import sys
from typing import NoReturn

from medallion.failures import ExitCode
from medallion.spec.retention import Retention
from medallion.warehouse.ledger import StepRun


class StepParser(argparse.ArgumentParser):
    """A parser that knows a step's identity, and ends a wrong call with `ExitCode.USAGE`."""

    def __init__(self, prog: str, description: str) -> None:
        super().__init__(prog=prog, description=description)
        self.add_argument("--pipeline", required=True)
        self.add_argument("--run-id", required=True)
        self.add_argument("--step", required=True, help="the step's name in the ledger")
        self.add_argument("--needs", action="append", default=[], help="a step of this run that must have succeeded")
        self.add_argument("--schema-prefix", default="")

    def error(self, message: str) -> NoReturn:
        """Says what is wrong with the call and ends the process."""
        self.print_usage(sys.stderr)
        self.exit(ExitCode.USAGE, f"{self.prog}: {message}\n")


def step_of(given: argparse.Namespace, layer: str | None = None) -> StepRun:
    """The step that the arguments name, of the code version in `MEDALLION_COMMIT`."""
    return StepRun(
        pipeline=given.pipeline,
        run_id=given.run_id,
        step=given.step,
        layer=layer,
        needs=tuple(given.needs),
        commit=os.environ.get("MEDALLION_COMMIT", "unknown"),
        schema_prefix=given.schema_prefix,
        retention=Retention.model_validate_json(os.environ.get("MEDALLION_RETENTION") or "{}"),
    )
