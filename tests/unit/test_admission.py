"""Limits as pure rules: no order of requests, ends and changed limits exceeds one, and nothing waits for ever."""

from __future__ import annotations

import json
import os
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from medallion.orchestrators.admission import Admissions, Answer, Limits, Run, RunningTask

RUNS = tuple(
    Run(pipeline, run_id, tenant)
    for pipeline, tenant in (("orders", "acme"), ("returns", "acme"), ("sales", "globex"), ("demo", None))
    for run_id in ("r1", "r2")
)
TASKS = tuple(RunningTask(run, task) for run in RUNS for task in ("clean", "silver", "gold"))
ONE = Limits(tasks=32, pipeline_tasks=4, tenant_jobs=1)
ANY_LIMITS = st.builds(
    Limits,
    tasks=st.integers(1, 6),
    pipeline_tasks=st.integers(1, 3),
    tenant_jobs=st.none() | st.integers(1, 3),
    tenant_tasks=st.none() | st.integers(1, 4),
)


def asked(*tasks: RunningTask, limits: Limits = ONE) -> Answer:
    """Asks for one task after the other, and returns the last answer."""
    answer = Answer(Admissions(), True, "")
    for task in tasks:
        answer = answer.admissions.ask(task, limits)
    return answer


def counts(tasks: tuple[RunningTask, ...], task: RunningTask) -> tuple[int, int, int]:
    """Counts what runs: everything, what is of the task's run, and of its tenant."""
    of_run = sum(one.run == task.run for one in tasks)
    return len(tasks), of_run, sum(one.run.tenant == task.run.tenant for one in tasks)


class Deployment(RuleBasedStateMachine):
    """Tasks of all runs that ask, end and are cleared at any time, under limits that change at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.limits = Admissions(), ONE
        self.arrived: list[Run] = []
        """Runs of tenants in the order of their first request; a model that the code has no part in."""

    @rule(limits=ANY_LIMITS)
    def limits_change(self, limits: Limits) -> None:
        self.limits = limits

    @rule(task=st.sampled_from(TASKS))
    def ask(self, task: RunningTask) -> None:
        before, tenant = self.now, task.run.tenant
        if tenant is not None and task.run not in self.arrived:
            self.arrived.append(task.run)
        answer = before.ask(task, self.limits)
        self.now = answer.admissions
        queue = [run for run in self.arrived if run.tenant == tenant]
        place = queue.index(task.run) if tenant is not None else 0
        everything, of_run, of_tenant = counts(before.tasks, task)
        limits = self.limits
        free = (
            everything < limits.tasks
            and of_run < limits.pipeline_tasks
            and (tenant is None or limits.tenant_jobs is None or place < limits.tenant_jobs)
            and (tenant is None or limits.tenant_tasks is None or of_tenant < limits.tenant_tasks)
        )
        assert answer.admitted == (task in before.tasks or free)
        assert (task in self.now.tasks) == answer.admitted
        assert set(self.now.tasks) - {task} == set(before.tasks) - {task}
        assert bool(answer.behind) != answer.admitted
        assert set(answer.behind) <= {*before.tasks, *queue[:place]}

    @rule(task=st.sampled_from(TASKS))
    def a_task_ends(self, task: RunningTask) -> None:
        left = self.now.without([task])
        assert set(left.tasks) == set(self.now.tasks) - {task}
        assert left.runs == self.now.runs
        self.now = left

    @rule(over=st.sets(st.sampled_from(RUNS), max_size=3))
    def runs_end(self, over: set[Run]) -> None:
        self.now = self.now.without(over)
        self.arrived = [run for run in self.arrived if run not in over]
        assert not [task for task in self.now.tasks if task.run in over]

    @rule(task=st.sampled_from(TASKS))
    def whatever_is_waited_for_ends(self, task: RunningTask) -> None:
        """No deadlock: if what an answer names is dropped, the task goes within one round for each limit."""
        now = self.now
        for _ in range(len(RUNS) + 4):
            answer = now.ask(task, self.limits)
            if answer.admitted:
                return
            now = answer.admissions.without(answer.behind)
        raise AssertionError(answer.reason)

    @invariant()
    def the_queue_is_in_order_of_arrival(self) -> None:
        assert list(self.now.runs) == self.arrived

    @invariant()
    def the_first_of_the_queue_goes_if_nothing_runs(self) -> None:
        idle = Admissions(self.now.runs)
        first = {run.tenant: run for run in reversed(self.now.runs)}
        for run in (*first.values(), RUNS[-1]):
            assert idle.ask(RunningTask(run, "clean"), self.limits).admitted

    @invariant()
    def json_holds_everything(self) -> None:
        assert Admissions.from_json(self.now.to_json()) == self.now


Deployment.TestCase.settings = settings(
    max_examples=30 * int(os.environ.get("MEDALLION_FUZZ", "1")), stateful_step_count=30, deadline=None
)
TestDeployment = Deployment.TestCase


@given(st.lists(st.tuples(st.sampled_from(TASKS), st.sampled_from(["ask", "task over", "run over"])), max_size=60))
def test_with_one_job_steps_of_two_runs_never_interleave(events: list[tuple[RunningTask, str]]):
    now, working = Admissions(), dict[str, Run]()
    for task, event in events:
        tenant = task.run.tenant
        if event == "ask":
            answer = now.ask(task, ONE)
            now = answer.admissions
            if answer.admitted and tenant is not None:
                assert working.setdefault(tenant, task.run) == task.run
        elif event == "task over":
            now = now.without([task])
        else:
            now = now.without([task.run])
            if tenant is not None and working.get(tenant) == task.run:
                del working[tenant]


def test_second_job_waits_until_the_first_run_has_ended():
    first, second = RunningTask(RUNS[0], "clean"), RunningTask(RUNS[2], "clean")
    answer = asked(first, second)
    assert not answer.admitted
    assert answer.behind == (first.run,)
    assert answer.reason == ("tenant acme runs 1 job at a time: clean in run r1 of returns waits for run r1 of orders")
    between = answer.admissions.without([first])
    assert not between.ask(second, ONE).admitted, "the first run has steps to do"
    assert between.ask(RunningTask(first.run, "silver"), ONE).admitted
    assert between.without([first.run]).ask(second, ONE).admitted


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(2, 4), "the deployment runs 2 tasks at a time"),
        (Limits(9, 2), "a run of orders has 2 tasks at most"),
        (Limits(9, 4, tenant_tasks=2), "tenant acme runs 2 steps at a time"),
    ],
)
def test_a_third_task_waits_for_the_two_that_run(limits: Limits, reason: str):
    one, two, three = (task for task in TASKS if task.run == RUNS[0])
    answer = asked(one, two, three, limits=limits)
    assert answer.reason == f"{reason}: {three} waits for {one}, {two}"
    assert answer.behind == (one, two)
    assert answer.admissions.without([one]).ask(three, limits).admitted


def test_next_attempt_takes_the_place_of_the_one_before():
    first, second = (RunningTask(RUNS[0], "clean", attempt) for attempt in ("a", "b"))
    now = asked(first, second, limits=Limits(tasks=1, pipeline_tasks=1)).admissions
    assert now.tasks == (second,)
    assert now.without([first]) == now
    assert now.without([second]).tasks == ()


def test_a_limit_of_a_tenant_holds_for_no_other():
    tasks = [RunningTask(RUNS[number], "clean") for number in (0, 4, 6, 7)]
    answer = asked(*tasks, limits=Limits(32, 4, tenant_jobs=1, tenant_tasks=1))
    assert answer.admissions.tasks == tuple(tasks)
    assert answer.admissions.runs == (RUNS[0], RUNS[4])


def test_a_run_that_is_over_is_known_by_its_id_not_its_tenant():
    now = asked(TASKS[0]).admissions
    moved = Run(RUNS[0].pipeline, RUNS[0].run_id, "globex")
    assert now.without([RunningTask(moved, TASKS[0].task)]).tasks == ()
    assert now.without([moved]) == Admissions()


def test_a_reason_names_three_of_many():
    answer = asked(*TASKS[:6], limits=Limits(5, 9))
    assert answer.reason.endswith("and 2 more")


@pytest.mark.parametrize("name", ["tasks", "pipeline_tasks", "tenant_jobs", "tenant_tasks"])
def test_limits_of_nothing_are_refused(name: str):
    with pytest.raises(ValueError, match=f"{name}=0"):
        Limits(**{"tasks": 1, "pipeline_tasks": 1, name: 0})


def test_json_of_a_later_version_is_read():
    data = json.loads(asked(TASKS[0]).admissions.to_json())
    data["later"] = 1
    for item in data["runs"] + data["tasks"]:
        item["later"] = [1]
    assert Admissions.from_json(json.dumps(data)) == asked(TASKS[0]).admissions


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[]", "not a mapping"),
        ("{}", "runs: not a list"),
        ('{"runs": [], "tasks": {}}', "tasks: not a list"),
        ('{"runs": [1], "tasks": []}', "runs: not a list"),
        ('{"runs": [{"pipeline": "a"}], "tasks": []}', "run_id: not a text"),
        ('{"runs": [{"pipeline": "a", "run_id": "r", "tenant": 5}], "tasks": []}', "tenant: not a text"),
        ('{"runs": [], "tasks": [{"pipeline": "a", "run_id": "r"}]}', "task: not a text"),
    ],
)
def test_json_that_is_something_else_is_refused(text: str, message: str):
    with pytest.raises(ValueError, match=message):
        Admissions.from_json(text)


@given(
    st.recursive(
        st.none() | st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_any_json_is_read_or_refused_with_a_value_error(data: object):
    read: Callable[[str], Admissions] = Admissions.from_json
    with pytest.raises(ValueError, match="not"):
        read(json.dumps(data))
