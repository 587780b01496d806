"""Each fault is injected for real in the middle of a layer; the run ends well, and readers never notice."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cluster import until
from inject import FAULTS, delete_scheduler, in_the_middle, kill, without_endpoints
from lane import Lane
from table import Fault

MIDDLE = "gold, mid-model"
Named = Callable[[str, str], Fault]


@pytest.mark.parametrize("name", FAULTS)
def test_a_layer_comes_through(lane: Lane, fault: Named, name: str):
    one = fault(name, MIDDLE)
    with in_the_middle(lane) as (run, _):
        one.injected()
        FAULTS[name](lane, "gold")
    lane.succeeded(run)
    one.resolved()


def test_the_scheduler_is_restarted_five_times(lane: Lane, fault: Named):
    one = fault("scheduler restarted five times", "all along a run")
    run = lane.start()
    one.injected()
    for _ in range(5):
        delete_scheduler(lane.cluster)
    lane.succeeded(run)
    one.resolved()


def test_a_task_is_marked_failed(lane: Lane, fault: Named):
    one = fault("task marked failed", MIDDLE)
    before = lane.seen()
    with in_the_middle(lane) as (run, pod):
        one.injected()
        lane.airflow.patch(
            f"/dags/{lane.dag}/dagRuns/{run.run_id}/taskInstances/{lane.task('gold')}", new_state="failed"
        )
        until("the pod is gone", lambda: pod not in [found["metadata"]["name"] for found in lane.pods("gold")])
        until("its database session is gone", lambda: not lane.sessions("gold"))
        one.resolved()
    assert lane.airflow.finished(lane.dag, run.run_id) == "failed"
    assert lane.seen() == before


def test_the_git_server_is_away(lane: Lane, fault: Named):
    one = fault("git server away", "a run's start")
    with without_endpoints(lane.cluster, "medallion-git"):
        one.injected()
        run = lane.start()
        if not lane.launches_from_triggerer:
            until("a worker waits for the code", lane.workers)
        assert lane.airflow.get(f"/dags/{lane.dag}")["is_stale"] is False
    lane.succeeded(run)
    one.resolved()


def test_a_push_in_the_middle_of_a_run(lane: Lane, fault: Named, pushed: Callable[..., str]):
    one = fault("pipeline changed by a push", MIDDLE)
    with in_the_middle(lane) as (run, pod):
        one.injected()
        pushed(("{name: gold}", "{name: gold, select: path:models/nowhere}"))
        kill(lane.cluster, pod)  # so that gold is rendered again, from the newer commit
    lane.succeeded(run)
    one.resolved()
    assert len({row["commit"] for row in lane.ledger(run) if row["status"] != "failed"}) == 1


def test_a_broken_file_is_pushed_in_the_middle_of_a_run(lane: Lane, fault: Named, pushed: Callable[..., str]):
    one = fault("broken pipeline file pushed", MIDDLE)
    with in_the_middle(lane) as (run, pod):
        one.injected()
        pushed(("owner: faults", "owner: faults\nowner_of_nothing: 1"), valid=False)

        def shown() -> bool:
            return "owner_of_nothing" in str(lane.airflow.get("/importErrors"))

        until("Airflow shows the error", shown)
        kill(lane.cluster, pod)
    pushed()  # the file is right again: until then the run waits
    lane.succeeded(run)
    one.resolved()
