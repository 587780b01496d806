"""The load of many files by several pods: one lists them, each of some loads a pack, one publishes them all.

Each part is a step, and may be stopped and run again at any point. A pack writes to the stage only while no other
attempt of the same pack has taken over, and while the stage is neither published nor dropped.
"""

from __future__ import annotations

from dataclasses import replace

from medallion.cleaner.collect import check_files
from medallion.cleaner.increment import add, add_nothing
from medallion.cleaner.job import Job, Source
from medallion.cleaner.load import find_growing, is_loaded, make_job, replace_by_files, stay_unchanged
from medallion.cleaner.stage import Stage, find_stage, load_pack, open_stage
from medallion.config.contract import Contract
from medallion.config.sources.stream import Inputs
from medallion.protocol.clean_work import Part
from medallion.protocol.result import TaskResult
from medallion.runtime.session import Session
from medallion.warehouse import file_loads, increments, views


def do_part(contract: Contract, source: Source, session: Session, part: Part) -> None:
    """Do one part of a load.

    Raises:
        FilesFailed: Some files of the pack failed; or, for the part that publishes, a file is not loaded.
        StepFailure: As for a load in one process.
    """
    job = make_job(contract, source.increment, session, part.of)
    build = find_growing(job)
    known = increments.load_state(session.connection, build) if build else {}
    with source.find(known) as inputs:
        if part.does == "list":
            _list(job, inputs, build is not None, inputs.newer_than(known) if build else inputs, part.packs)
            return
        stage = find_stage(job, inputs.label)
        if part.does == "load":
            _load(job, inputs, stage, part)
        elif stage is not None:
            pinned = {one.file for one in file_loads.read(session.connection, job.step, stage.build)}
            # A file that has come since the list was made is the next run's.
            inputs = replace(inputs, inputs=[one for one in inputs.inputs if one.name in pinned])
            if build is not None:
                add(job, inputs, build, known, stage)
            else:
                replace_by_files(job, inputs, stage)
        elif build is not None:
            add_nothing(job, inputs, build)
        else:
            stay_unchanged(job, inputs, inputs.version)


def _list(job: Job, inputs: Inputs, grows: bool, fresh: Inputs, packs: int) -> None:
    session = job.session
    views.refuse_taken(session.connection, session.step.pipeline, {job.schema: [job.table]})
    unchanged = not fresh.inputs if grows else is_loaded(job, inputs.version)
    if not unchanged:
        open_stage(job, fresh, packs)
    message = f"{inputs.label} has nothing new" if unchanged else f"{fresh.label}: {len(fresh.inputs)} files in packs"
    with session.connection.transaction():
        session.record(TaskResult(files={"waiting": 0 if unchanged else len(fresh.inputs)}, message=message))


def _load(job: Job, inputs: Inputs, stage: Stage | None, part: Part) -> None:
    session = job.session
    loads = []
    if stage is not None:
        load_pack(stage, inputs, part.pack)
        loads = file_loads.read(session.connection, job.step, stage.build, part.pack)
        check_files(loads)
    message = f"pack {part.pack} of {inputs.label}: {len(loads)} files are staged"
    with session.connection.transaction():
        session.record(TaskResult(files={"loaded": len(loads)}, message=message))
