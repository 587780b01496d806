"""`medallion replay`: rejected rows are loaded after all, without the rest of their file."""

from __future__ import annotations

import uuid
from datetime import datetime, timezone
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from medallion.cleaner.__main__ import build_job
from medallion.cli.commit import current_commit
from medallion.cli.complete import complete_name
from medallion.cli.console import refuse, refuse_config
from medallion.cli.places import DagsOption
from medallion.cli.warehouse import WarehouseOption, warehouse
from medallion.config.catalog import find
from medallion.config.diagnostics import ConfigError
from medallion.config.pipeline import Pipeline
from medallion.config.places import default_dags
from medallion.plan import RunContext, make_plan
from medallion.runtime.step import run_step
from medallion.warehouse.rejects import find_last_run


def replay(
    name: Annotated[str, typer.Argument(help="The pipeline's or the schedule's name.", autocompletion=complete_name)],
    input_file: Annotated[
        Path | None, typer.Option("--input", help="A file of corrected rows, as the contract reads it.", dir_okay=False)
    ] = None,
    source: Annotated[
        str | None, typer.Option(help="The source's name in the pipeline file. Needed if there are several.")
    ] = None,
    run_id: Annotated[
        str | None, typer.Option("--run", help="The run that rejected the rows. By default the last one.")
    ] = None,
    warehouse_url: WarehouseOption = None,
    dags: DagsOption = None,  # type: ignore[assignment]
) -> None:
    """Load rejected rows again under the contract as it is now, and add them to the table.

    The rows are those of --input, else those that the warehouse keeps. Exits with the exit code of a step.
    """
    import_module("medallion.cleaner.replay")  # before anything is done: where its extra is missing, the error names it
    folder = dags or default_dags()
    try:
        file = find(folder, name)
    except ConfigError as error:
        refuse_config(error)
    step_name = f"clean.{_choose(file.pipeline, source)}"
    with warehouse(warehouse_url, "medallion replay", file.pipeline.tenant) as connection:
        chosen = run_id or find_last_run(connection, name, step_name)
        if chosen is None:
            refuse(f"no rejected rows of {step_name} of {name} are kept", "see `medallion rejects` for what is kept")
        replay_id = f"replay__{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%S}__{uuid.uuid4().hex[:4]}"
        plan = make_plan(file.pipeline, file.contracts, RunContext(replay_id, "", current_commit(folder)))
        rows = str(input_file.resolve()) if input_file else None
        work = plan.step(step_name).work.model_copy(update={"replay": chosen, "input": rows})
        alone = {"work": work, "needs": (), "plan": {}, "others": {}}
        code = run_step(plan.task(step_name).model_copy(update=alone), build_job)
    raise typer.Exit(code)


def _choose(pipeline: Pipeline, source: str | None) -> str:
    names = [one.name for one in pipeline.sources]
    if source is None and len(names) == 1:
        return names[0]
    if source not in names:
        what = "has several sources" if source is None else f"has no source {source!r}"
        refuse(
            f"{pipeline.name} {what}",
            f"name one with --source: {', '.join(names)}" if names else "see `medallion list`",
        )
    return str(source)
