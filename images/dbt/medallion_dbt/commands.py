"""dbt's own commands, in this process, on a manifest that is already parsed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest

from medallion import sqlstate
from medallion.failures import ModelFailed, StepFailure, WarehouseAway, WarehouseFull
from medallion.log import EventLog
from medallion_dbt import states
from medallion_dbt.manifest import PROJECT, common_flags
from medallion_dbt.states import states_in

states.use()

_AWAY = re.compile(
    r"could not connect|connection refused|connection to server|server closed the connection|terminating connection"
    r"|lost its lock|the database system is|could not translate host name|timeout expired|connection already closed",
    re.IGNORECASE,
)


class Dbt:
    """Runs dbt commands on one manifest, and tells of every node as it ends.

    Args:
        manifest: The relocated manifest.
        target: A folder that may be written to.
        log: Where events go.
    """

    def __init__(self, manifest: Manifest, target: Path, log: EventLog) -> None:
        self._manifest, self._target, self._log = manifest, target, log

    def models(self, select: str) -> list[str]:
        """Unique ids of the models that a selector chooses."""
        flags = (
            "--select",
            *select.split(),
            "--resource-type",
            "model",
            "--output",
            "json",
            "--output-keys",
            "unique_id",
        )
        lines = self._invoke("list", *flags)
        return [str(found) for line in lines for found in re.findall(r'"unique_id": "([^"]+)"', line)]

    def run(self, select: str, full_refresh: bool = False) -> list[Any]:
        """Builds the selected models. Results are in no order; a model that failed is among them."""
        flags = ("--full-refresh",) if full_refresh else ()
        return list(self._invoke("run", "--select", *select.split(), *flags).results)

    def test(self, select: str) -> list[Any]:
        """Runs the tests of the selected models and sources, and no test that needs a model built later.

        Unit tests say nothing of the data; they run before an image is made.
        """
        flags = ("--select", *select.split(), "--indirect-selection", "buildable")
        return list(self._invoke("test", *flags, "--exclude-resource-type", "unit_test").results)

    def freshness(self, select: str) -> list[Any]:
        """Compares the age of the selected sources with their limits; sources without limits have no result."""
        return list(self._invoke("source freshness", "--select", *select.split()).results)

    def _invoke(self, command: str, *flags: str) -> Any:
        arguments = [*command.split(), *common_flags(PROJECT, self._target), *flags]
        outcome = dbtRunner(manifest=self._manifest, callbacks=[self._tell]).invoke(arguments)
        error = outcome.exception
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            raise KeyboardInterrupt
        if error is not None:
            raise failure_of(str(error)) from error
        return outcome.result

    def _tell(self, event: Any) -> None:
        if event.info.name == "NodeFinished":
            node = event.data.node_info
            kind = "test_ended" if node.resource_type == "test" else "model_ended"
            status = node.node_status
            bad = status in ("error", "fail")
            message = f"{node.node_name}: {status}"
            self._log.event(kind, message, "error" if bad else "info", node=node.node_name, status=status)
        elif event.info.level == "error" and event.info.name not in _SUMMARISED:
            self._log.event("dbt_error", event.info.msg.strip(), "error")


# Said again, and better, by the step's own end.
_SUMMARISED = {"RunResultError", "RunResultFailure", "EndOfRunSummary", "LogModelResult", "LogTestResult", "StatsLine"}


def failure_of(message: str) -> StepFailure:
    """The failure that a database's or dbt's message stands for."""
    text = message.strip()
    for code in states_in(text):
        if not issubclass(sqlstate.meaning_of(code), WarehouseAway):
            break  # another attempt would meet it again, whatever else failed
    else:
        return _curable(text)
    return ModelFailed(_limited(text), _REMEDY)


def _curable(text: str) -> StepFailure:
    if "No space left on device" in text:
        return WarehouseFull(next(line for line in text.splitlines() if "No space left" in line).strip())
    if states_in(text) or _AWAY.search(text):
        said = [line.strip() for line in text.splitlines() if line.strip() and not states_in(line)]
        return WarehouseAway(f"the warehouse went away: {said[-1]}", "run again when it is back")
    return ModelFailed(text, _REMEDY)


def _limited(text: str) -> str:
    limit = sqlstate.limit_in(text)
    return f"{limit}: {text}" if limit else text


_REMEDY = "correct the model or its configuration in the dbt project, and build the image again"
