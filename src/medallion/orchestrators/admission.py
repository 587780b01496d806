"""Which tasks may run now: the limits of the deployment, of a run and of a tenant, as pure rules over plain data.

A store such as `orchestrators.kubernetes.admission_store` keeps `Admissions` and applies one change at a time. So the
limits hold exactly, however many processes ask.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any, Self

_MOST_NAMED = 3
"""How many of the runs or tasks that a task waits for its reason names."""


@dataclass(frozen=True)
class Run:
    """A run of a pipeline, and the tenant that it belongs to."""

    pipeline: str
    run_id: str
    tenant: str | None = None

    def __str__(self) -> str:
        """Return how a log names it."""
        return f"run {self.run_id} of {self.pipeline}"


@dataclass(frozen=True)
class RunningTask:
    """An attempt of a task of a run. `task` is its ID in the orchestrator; a later attempt takes its place."""

    run: Run
    task: str
    attempt: str = ""

    def __str__(self) -> str:
        """Return how a log names it."""
        return f"{self.task} in {self.run}"


@dataclass(frozen=True)
class Limits:
    """What may run at once. None is no limit.

    Attributes:
        tasks: Tasks of the deployment.
        pipeline_tasks: Tasks of one run, the `max_active_tasks` of its pipeline.
        tenant_jobs: Runs of the task's tenant.
        tenant_tasks: Tasks of the task's tenant, in all of its runs together.
    """

    tasks: int
    pipeline_tasks: int
    tenant_jobs: int | None = None
    tenant_tasks: int | None = None

    def __post_init__(self) -> None:
        """Refuse a limit under which nothing would ever run."""
        for name, limit in vars(self).items():
            if limit is not None and limit < 1:
                raise ValueError(f"invalid limit {name}={limit}: at least 1 must be able to run")


@dataclass(frozen=True)
class Answer:
    """Whether a task may run.

    Attributes:
        admissions: The admissions with the task, or with its run in the queue.
        admitted: Whether it may run.
        reason: One sentence for the log.
        behind: What it waits for: enough of it must end, or be found dead and dropped, before the task may run.
    """

    admissions: Admissions
    admitted: bool
    reason: str
    behind: tuple[Run | RunningTask, ...] = ()


@dataclass(frozen=True)
class Admissions:
    """What may work now.

    Attributes:
        runs: Runs of tenants in the order of their first request. The first `tenant_jobs` of a tenant may work.
        tasks: What was admitted and has not ended.
    """

    runs: tuple[Run, ...] = ()
    tasks: tuple[RunningTask, ...] = ()

    def ask(self, task: RunningTask, limits: Limits) -> Answer:
        """Admit a task if all limits allow it. Its run enters the queue of its tenant in any case.

        A task that is admitted stays admitted, also if a limit is smaller now.
        """
        run, now = task.run, self
        if run.tenant is not None and run not in self.runs:
            now = replace(self, runs=(*self.runs, run))
        if any(_place(one) == _place(task) for one in now.tasks):
            # Who launches an attempt has made sure that the one before has no pod any more.
            tasks = tuple(task if _place(one) == _place(task) else one for one in now.tasks)
            return Answer(replace(now, tasks=tasks), True, f"{task} is admitted already")
        for limit, what, taken in now._list_limits(run, limits):
            if limit is not None and len(taken) >= limit:
                return Answer(now, False, f"{what}: {task} waits for {_name(taken)}", taken)
        return Answer(replace(now, tasks=(*now.tasks, task)), True, f"{task} is admitted")

    def _list_limits(
        self, run: Run, limits: Limits
    ) -> Iterable[tuple[int | None, str, tuple[Run, ...] | tuple[RunningTask, ...]]]:
        """Yield each limit, a description of it, and what takes its places from a task of the run."""
        if run.tenant is not None:
            queue = [one for one in self.runs if one.tenant == run.tenant]
            before = tuple(queue[: queue.index(run)][: limits.tenant_jobs])
            yield limits.tenant_jobs, f"tenant {run.tenant} runs {_count(limits.tenant_jobs, 'job')} at a time", before
            of_tenant = tuple(one for one in self.tasks if one.run.tenant == run.tenant)
            description = f"tenant {run.tenant} runs {_count(limits.tenant_tasks, 'step')} at a time"
            yield limits.tenant_tasks, description, of_tenant
        of_run = tuple(one for one in self.tasks if one.run == run)
        yield (
            limits.pipeline_tasks,
            f"a run of {run.pipeline} has {_count(limits.pipeline_tasks, 'task')} at most",
            of_run,
        )
        yield limits.tasks, f"the deployment runs {_count(limits.tasks, 'task')} at a time", self.tasks

    def without(self, over: Collection[Run | RunningTask]) -> Admissions:
        """Return what is left when runs and tasks are over. A run that is over takes its tasks along."""
        tasks = {(_place(one), one.attempt) for one in over if isinstance(one, RunningTask)}
        runs = {_key(one) for one in over if isinstance(one, Run)}
        return Admissions(
            tuple(run for run in self.runs if _key(run) not in runs),
            tuple(one for one in self.tasks if _key(one.run) not in runs and (_place(one), one.attempt) not in tasks),
        )

    def to_json(self) -> str:
        """Return the admissions as JSON."""
        runs = [_as_dict(run) for run in self.runs]
        tasks = [{**_as_dict(one.run), "task": one.task, "attempt": one.attempt} for one in self.tasks]
        return json.dumps({"runs": runs, "tasks": tasks}, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the admissions that `to_json` wrote. Unknown keys are left out.

        Raises:
            ValueError: The text is something else.
        """
        try:
            data = json.loads(text)
        except ValueError as error:
            raise ValueError(f"not JSON: {error}: {text[:100]!r}") from error
        if not isinstance(data, dict):
            raise ValueError(f"not a mapping: {text[:100]!r}")
        runs = dict.fromkeys(_run(item) for item in _items(data, "runs"))
        tasks = dict.fromkeys(
            RunningTask(_run(item), _word(item, "task"), _word({"attempt": "", **item}, "attempt"))
            for item in _items(data, "tasks")
        )
        return cls(tuple(runs), tuple(tasks))


def _key(run: Run) -> tuple[str, str]:
    """What a run is known by: its tenant may be another when it ends, as a pipeline file may change."""
    return run.pipeline, run.run_id


def _place(task: RunningTask) -> tuple[tuple[str, str], str]:
    """What is admitted once, whichever attempt it is."""
    return _key(task.run), task.task


def _name(taken: tuple[Run, ...] | tuple[RunningTask, ...]) -> str:
    more = len(taken) - _MOST_NAMED
    return ", ".join(map(str, taken[:_MOST_NAMED])) + (f" and {more} more" if more > 0 else "")


def _count(number: int | None, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _as_dict(run: Run) -> dict[str, str]:
    tenant = {} if run.tenant is None else {"tenant": run.tenant}
    return {"pipeline": run.pipeline, "run_id": run.run_id, **tenant}


def _items(data: dict[str, Any], key: str) -> list[dict[str, Any]]:
    items = data.get(key)
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise ValueError(f"{key}: not a list of mappings: {str(items)[:100]}")
    return items


def _run(item: dict[str, Any]) -> Run:
    tenant = None if item.get("tenant") is None else _word(item, "tenant")
    return Run(_word(item, "pipeline"), _word(item, "run_id"), tenant)


def _task(item: dict[str, Any]) -> RunningTask:
    return RunningTask(_run(item), _word(item, "task"), _word({"attempt": "", **item}, "attempt"))


def _word(item: dict[str, Any], key: str) -> str:
    word = item.get(key)
    if not isinstance(word, str):
        raise ValueError(f"{key}: not a text: {str(item)[:200]}")
    return word
