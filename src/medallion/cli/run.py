"""`medallion run`: a pipeline on this machine, without a cluster."""

from __future__ import annotations

import json
import os
import re
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated

import typer

from medallion.cli.commit import current_commit
from medallion.cli.complete import complete_name
from medallion.cli.console import error_console, refuse_config, refuse_failure
from medallion.cli.places import DagsOption, state_folder
from medallion.cli.show import Progress, show_report
from medallion.cli.warehouse import WarehouseOption, warehouse_environment
from medallion.config.catalog import find
from medallion.config.diagnostics import ConfigError
from medallion.config.pipeline import Pipeline
from medallion.config.places import dbt_project, default_dags
from medallion.errors import ExitCode, Misconfigured, StepFailure
from medallion.orchestrators.local import run_plan
from medallion.orchestrators.local.alerting import send_alerts
from medallion.orchestrators.local.report import Report, make_report
from medallion.plan import Plan, RunContext, make_plan
from medallion.warehouse import ledger
from medallion.warehouse.connection import Connection, connect
from medallion.warehouse.history import list_runs


def run(
    name: Annotated[str, typer.Argument(help="The pipeline's or the schedule's name.", autocompletion=complete_name)],
    input_file: Annotated[
        Path | None, typer.Option("--input", help="A file to load instead of the pipeline's source.")
    ] = None,
    contract: Annotated[
        Path | None, typer.Option("--contract", help="A contract file to use instead of the pipeline's.")
    ] = None,
    warehouse: WarehouseOption = None,
    report: Annotated[Path | None, typer.Option("--report", help="Write the run's report here, as JSON.")] = None,
    landing: Annotated[Path, typer.Option(help="The folder that source paths are relative to.")] = Path("landing"),
    run_id: Annotated[str | None, typer.Option(help="Run ID. Reuse the ID of an earlier run to resume it.")] = None,
    full_refresh: Annotated[
        bool, typer.Option("--full-refresh", help="Build incremental models from nothing.")
    ] = False,
    dags: DagsOption = None,  # type: ignore[assignment]
) -> None:
    """Run a pipeline on this machine: the same steps, commands and gates as on Kubernetes.

    Exits with 0 only if every step succeeded; else with the exit code of the step that failed.
    """
    try:
        code, _ = run_pipeline(
            name, input_file, contract, warehouse, report, landing, run_id, dags, full_refresh=full_refresh
        )
    except ConfigError as error:
        refuse_config(error)
    except StepFailure as error:
        refuse_failure(error)
    except KeyboardInterrupt:
        error_console.print("stopped; nothing half-done was published", style="yellow")
        raise typer.Exit(ExitCode.TERMINATED) from None
    raise typer.Exit(code)


def run_pipeline(
    name: str,
    input_file: Path | None = None,
    contract: Path | None = None,
    warehouse: str | None = None,
    report_file: Path | None = None,
    landing: Path = Path("landing"),
    run_id: str | None = None,
    dags: Path | None = None,
    afterwards: Callable[[Connection, Report], None] | None = None,
    full_refresh: bool = False,
) -> tuple[int, Report]:
    """Run a pipeline and show its progress and its report.

    `afterwards` is called with the warehouse and the report, while the warehouse is still up.

    Returns:
        The exit code, and the report.

    Raises:
        ConfigError: The pipeline or its contract is wrong, or no pipeline has that name.
        StepFailure: The warehouse cannot be reached or used before the first step, the pipeline has not one source
            that an input stands for, or no report can be written.
    """
    dags = dags or default_dags()
    file = find(dags, name, contract)
    run_id = run_id or f"local__{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%S}__{uuid.uuid4().hex[:4]}"
    target = _report_path(report_file or state_folder() / "reports" / f"{_file_name(run_id)}.json")
    inputs = {_only_source(file.pipeline): str(input_file.resolve())} if input_file else {}
    context = RunContext(run_id, str(landing.resolve()), current_commit(dags), inputs, full_refresh)
    plan = make_plan(file.pipeline, file.contracts, context)
    with ExitStack() as stack:
        stack.enter_context(warehouse_environment(warehouse, file.pipeline.tenant))
        with connect("medallion run") as connection:
            ledger.ensure(connection)
        with Progress(plan, run_id) as progress:
            project = dbt_project(dags.resolve(), file.pipeline.dbt.project)
            codes = run_plan(plan, {"MEDALLION_DBT_PROJECT": str(project)}, progress.on_event)
        with connect("medallion report") as connection:
            result = make_report(connection, plan, run_id, frozenset(codes))
            target.write_text(json.dumps(result.as_dict(), indent=2, default=str) + "\n", encoding="utf-8")
            show_report(result, target)
            send_alerts(file.pipeline, result, list_runs(connection, plan.pipeline.name))
            if afterwards is not None:
                afterwards(connection, result)
    return _exit_code(plan, codes, result), result


def _only_source(pipeline: Pipeline) -> str:
    if len(pipeline.sources) != 1:
        message = f"{pipeline.name} has {len(pipeline.sources)} sources, and --input is a file for a pipeline of one"
        raise Misconfigured(message, "leave --input out, and put the files into the folder of --landing")
    return pipeline.sources[0].name


def _report_path(path: Path) -> Path:
    """The file of the report, found to be writable before the run rather than after it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Misconfigured(f"the report's folder {path.parent} cannot be made: {error.strerror}", _REPORT) from error
    if path.is_dir():
        raise Misconfigured(f"the report {path} is a folder", _REPORT)
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise Misconfigured(f"the report {path} cannot be written", _REPORT)
    return path


_REPORT = "name a file that can be written with --report"


def _file_name(run_id: str) -> str:
    """A run ID as the name of a file: it may hold slashes, and be longer than a name."""
    return re.sub(r"[^\w.+-]", "-", run_id, flags=re.ASCII)[:150]


def _exit_code(plan: Plan, codes: dict[str, int], result: Report) -> int:
    if result.status == "succeeded":
        return int(ExitCode.OK)
    failed = [codes[step.name] for step in plan.steps if codes.get(step.name, 0) != ExitCode.OK]
    return failed[0] if failed else int(ExitCode.INTERNAL)
