"""dbt's own commands, in this process, on a manifest that is already parsed."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

from dbt.cli.main import dbtRunner

from medallion import sqlstate
from medallion.dbt import states
from medallion.dbt.open_project import Project
from medallion.dbt.project import named
from medallion.dbt.states import states_in
from medallion.errors import ModelFailed, StepFailure, WarehouseFull, WarehouseUnavailable
from medallion.runtime.log import EventLog

states.use()

_AWAY = re.compile(
    r"could not connect|connection refused|connection to server|server closed the connection|terminating connection"
    r"|lost its lock|the database system is|could not translate host name|timeout expired|connection already closed",
    re.IGNORECASE,
)
_COMPILED = re.compile(r"\n\s*compiled code at [^\n]*")


class Dbt:
    """Runs dbt commands on one project, and reports every node as it ends.

    Args:
        project: The project, its manifest relocated.
        target: A folder that may be written to.
        log: Where events go.
    """

    def __init__(self, project: Project, target: Path, log: EventLog) -> None:
        self._manifest, self._checkout, self._target, self._log = project.manifest, project.checkout, target, log

    def build(self, chosen: Collection[str], full_refresh: bool = False) -> list[Any]:
        """Build models, seeds, snapshots and functions in their order, and run no test.

        Args:
            chosen: Their unique ids.
            full_refresh: Build incremental models from nothing.

        Returns:
            A result for each, and for each hook, in no order; those that failed are among them.
        """
        without = ("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")
        return self._chosen("build", chosen, *without, *(("--full-refresh",) if full_refresh else ()))

    def test(self, chosen: Collection[str]) -> list[Any]:
        """Run tests and unit tests by their unique ids, and no others. Returns a result for each."""
        return self._chosen("test", chosen, "--indirect-selection", "empty") if chosen else []

    def freshness(self, select: str) -> list[Any]:
        """Compare the age of the selected sources with their limits; sources without limits have no result."""
        return list(self._invoke("source freshness", "--select", *select.split()).results)

    def _chosen(self, command: str, chosen: Collection[str], *flags: str) -> list[Any]:
        """Dbt has no selector for unique ids: a tag of our own stands for them."""
        tag = f"medallion:{command}"
        for unique_id in chosen:
            _tags(named(self._manifest, unique_id)).append(tag)
        return list(self._invoke(command, "--select", f"tag:{tag}", *flags).results)

    def _invoke(self, command: str, *flags: str) -> Any:
        arguments = [*command.split(), *self._checkout.flags(self._target), *flags]
        outcome = dbtRunner(manifest=self._manifest, callbacks=[self._tell]).invoke(arguments)
        error = outcome.exception
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            raise KeyboardInterrupt
        if error is not None:
            raise as_failure(str(error)) from error
        return outcome.result

    def _tell(self, event: Any) -> None:
        if event.info.name == "NodeFinished":
            node = event.data.node_info
            kind = "test_ended" if node.resource_type in ("test", "unit_test") else "model_ended"
            status = node.node_status
            level = "error" if status in ("error", "fail") else "warning" if status == "warn" else "info"
            self._log.event(kind, f"{node.node_name}: {status}", level, node=node.node_name, status=status)
        elif event.info.level in ("error", "warn") and event.info.name not in _SUMMARISED:
            level = "error" if event.info.level == "error" else "warning"
            self._log.event(f"dbt_{level}", event.info.msg.strip(), level)


# Reported again, and better, by the step's own end.
_SUMMARISED = {
    *("RunResultError", "RunResultFailure", "RunResultWarning", "RunResultWarningMessage", "EndOfRunSummary"),
    *("LogModelResult", "LogTestResult", "LogSeedResult", "LogSnapshotResult", "LogFreshnessResult", "StatsLine"),
}


def _tags(node: Any) -> list[str]:
    """The list that dbt reads a node's tags from."""
    if node.resource_type.value == "unit_test":
        node.config.tags = [node.config.tags] if isinstance(node.config.tags, str) else list(node.config.tags or [])
        tags: list[str] = node.config.tags
        return tags
    node.tags = list(node.tags)
    return node.tags  # type: ignore[no-any-return]


def plain_message(message: str | None) -> str:
    """Return what dbt says of a failure. It names the file in the project; a compiled file is gone when one looks."""
    return _COMPILED.sub("", (message or "").strip()).strip()


def as_failure(message: str) -> StepFailure:
    """Return the failure that a database's or dbt's message stands for."""
    text = message.strip()
    for code in states_in(text):
        if not issubclass(sqlstate.failure_class(code), WarehouseUnavailable):
            break  # another attempt would meet it again, whatever else failed
    else:
        return _curable(text)
    return ModelFailed(_limited(plain_message(text)), _REMEDY)


def _curable(text: str) -> StepFailure:
    if "No space left on device" in text:
        return WarehouseFull(next(line for line in text.splitlines() if "No space left" in line).strip())
    if states_in(text) or _AWAY.search(text):
        lines = [line.strip() for line in plain_message(text).splitlines() if line.strip() and not states_in(line)]
        return WarehouseUnavailable(f"the warehouse went away: {lines[-1]}", "run again when it is back")
    return ModelFailed(plain_message(text), _REMEDY)


def _limited(text: str) -> str:
    limit = sqlstate.limit_in(text)
    return f"{limit}: {text}" if limit else text


_REMEDY = "correct the model or its configuration in the dbt project"
