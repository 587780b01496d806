"""The steps that clean a source and load its table: one, or several for many files that are loaded by several pods.

One step lists the files and divides them into packs, a step for each pack loads its files, and the source's own step
publishes them all (decision 43). Which files there are is unknown where a plan is made, how many pods load them is not.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from medallion.config.contract import Contract
from medallion.config.pipeline import Pipeline
from medallion.config.sources import Source
from medallion.protocol.clean_work import CleanWork, Part
from medallion.steps import Step

CLEAN = "clean_and_transform_csv"
"""The task that loads a source, as the second reference system names it."""


def clean_steps(
    pipeline: Pipeline, source: Source, contract: Contract, landing: PurePosixPath, path: str | None
) -> tuple[Step, ...]:
    """Return the steps of a source in their order; the last one publishes its table.

    Args:
        pipeline: The pipeline.
        source: One of its sources.
        contract: Of the source.
        landing: The folder that its path is relative to.
        path: A file to read instead, which one step does.
    """
    where: dict[str, Any] = {"landing": str(landing)} if source.reads_landing else {}
    if path is not None:
        where["input"] = path
    work = CleanWork(kind="clean", contract=contract, source=source, **where)
    step = Step(
        name=f"clean.{source.name}",
        task_id=CLEAN + _ending(pipeline, source),
        group=(pipeline.task_groups.clean,),
        image="cleaner",
        work=work,
        needs=(),
        resources=pipeline.resources.cleaner,
        retry=pipeline.retry_config,
        timeout_seconds=pipeline.timeouts.step_seconds,
        title=f"Cleans {source.label} under the contract {source.contract} and loads {contract.table}",
        reads_landing=source.reads_landing,
        secret=source.login,
        own_pod=source.own_pod,
    )
    return (step,) if source.packs == 1 or path is not None else _divide(pipeline, source, step, work)


def _divide(pipeline: Pipeline, source: Source, whole: Step, work: CleanWork) -> tuple[Step, ...]:
    count, ending = source.packs, _ending(pipeline, source)

    def part(name: str, task_id: str, title: str, needs: tuple[str, ...], **does: Any) -> Step:
        own = work.model_copy(update={"part": Part(of=whole.name, packs=count, **does)})
        return replace(whole, name=name, task_id=task_id, title=title, needs=needs, work=own, own_pod=True)

    listing = part(
        f"{whole.name}.list",
        f"list_files{ending}",
        f"Lists the files of {source.label} and divides them into {count} packs",
        (),
        does="list",
    )
    packs = tuple(
        part(
            f"{whole.name}.{number}",
            f"load_files{ending}_{number}",
            f"Cleans and loads pack {number} of the files of {source.label}",
            (listing.name,),
            does="load",
            pack=number,
        )
        for number in range(count)
    )
    publication = part(
        whole.name,
        whole.task_id,
        f"Publishes {work.contract.table}: all files of {source.label}",
        tuple(one.name for one in packs),
        does="publish",
    )
    return listing, *packs, publication


def _ending(pipeline: Pipeline, source: Source) -> str:
    return "" if len(pipeline.sources) == 1 else f"_{source.name}"
