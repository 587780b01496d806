"""The same runner file under Airflow and under Dagster: changing one word changes who runs it, and nothing else."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from medallion.config.load_runner import load_runners
from medallion.orchestrators.kubernetes.settings import Settings
from medallion.plan import RunContext, make_plan
from medallion.protocol import wire
from runner_folder import schedule, write

dagster = pytest.importorskip("dagster")

from medallion.orchestrators.dagster.definitions import definitions
from medallion.orchestrators.dagster.instance import prepare, settings
from medallion.orchestrators.dagster.job import RUN_ID, Ended, build_job
from medallion.orchestrators.dagster.pods import build_pod

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SCHEDULES = (
    schedule(
        "stripe_customers_hourly",
        "acme/customers",
        'cron: "0 * * * *", enabled: true, timezone: UTC, max_concurrent_runs: 1, '
        "tags: {environment: production, priority: high}",
    )
    + schedule(
        "hubspot_contacts_daily",
        "acme/contacts",
        "interval_seconds: 21600, enabled: true, timezone: America/New_York, tags: {environment: production}",
    )
    + schedule("paused", "globex/orders", 'cron: "@daily", enabled: false, timezone: Europe/Berlin')
)
LAYERS = """
models: customer_transactions
layers: [{name: silver}, {name: gold}]
granularity: phase
retry_config: {max_retries: 2, initial_delay_seconds: 7, backoff_multiplier: 3, retryable_exit_codes: [75]}
"""
JOBS = ("acme/customers", "acme/contacts", "globex/orders")


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    dags = write(tmp_path, SCHEDULES, *JOBS, settings="    concurrency_per_tenant: 2\n")
    job = dags / "jobs" / "acme" / "customers.yaml"
    job.write_text(job.read_text() + LAYERS)
    return dags


def migrate(dags: Path) -> Path:
    (runner,) = dags.glob("runner*.yaml")
    runner.write_text(runner.read_text().replace("type: airflow", "type: dagster"))
    return dags


def airflow_dags(dags: Path) -> dict[str, Any]:
    from medallion.orchestrators.airflow.dag import build_dag_from_file

    return {
        entry.name: build_dag_from_file(entry.file, "abc", Settings.from_environment())
        for runner in load_runners(dags)
        for entry in runner.entries
        if entry.file is not None
    }


def jobs_of(made: Any) -> dict[str, Any]:
    dagster.Definitions.validate_loadable(made)
    return {job.name: job for job in made.jobs}


@pytest.fixture(params=["written here", "acme", "three-tenants"])
def any_folder(request: pytest.FixtureRequest, folder: Path, tmp_path: Path) -> Path:
    """A runner file and its jobs: with layers, of the examples, of several tenants."""
    if request.param == "written here":
        return folder
    copy = tmp_path / request.param
    shutil.copytree(EXAMPLES / request.param / "dags", copy)
    return copy


def test_both_orchestrators_make_the_same_of_the_same_file(any_folder: Path):
    airflow = airflow_dags(any_folder)
    made = definitions(migrate(any_folder), pods=True)
    jobs = jobs_of(made)
    assert airflow
    assert set(jobs) == set(airflow)
    for name, dag in airflow.items():
        tags = {key if not value else f"{key}:{value}" for key, value in jobs[name].tags.items() if "/" not in key}
        assert tags == set(dag.tags)
        tasks = {task.task_id.rpartition(".")[2]: task for task in dag.tasks if hasattr(task, "arguments")}
        ops = {node.name: node.definition for node in jobs[name].nodes}
        assert set(ops) == set(tasks)
        for task_id, op in ops.items():
            assert op.pool == f"tenant-{tasks[task_id].plan.pipeline.tenant}"


def test_steps_get_the_same_task_and_run_in_the_same_order(any_folder: Path):
    for name, dag in airflow_dags(any_folder).items():
        entry = next(one for runner in load_runners(any_folder) for one in runner.entries if one.name == name)
        assert entry.file is not None
        launched: dict[str, Any] = {}

        def launch(_context: Any, task: Any, plan: Any, run_id: str, launched: dict[str, Any] = launched) -> Ended:
            launched[task.task_id] = plan.document(task, run_id)
            return Ended(0, succeeded=True)

        plan = make_plan(entry.file.pipeline, entry.file.contracts, RunContext(RUN_ID, "/landing", "abc"))
        result = build_job(plan, launch).execute_in_process()
        operators = [task for task in dag.topological_sort() if hasattr(task, "arguments")]
        run_id = f"dagster__{result.run_id}"
        commit = {"commit": "abc"}  # a DAG folder in git has one of its own
        assert launched == {
            task.task_id.rpartition(".")[2]: task.plan.document(task.planned, run_id).model_copy(update=commit)
            for task in operators
        }
        assert list(launched) == [task.task_id for task in plan.tasks]
        assert {task.retries for task in operators} == {entry.file.pipeline.retry_config.max_retries}


def test_steps_wait_for_the_same_steps(folder: Path):
    dag = airflow_dags(folder)["stripe_customers_hourly"]
    real = {task.task_id: task for task in dag.tasks if hasattr(task, "arguments")}

    def before(task: Any) -> set[str]:
        """What it waits for, looking through tasks that have no pod."""
        found = {dag.get_task(name) for name in task.upstream_task_ids}
        return {one.task_id for one in found if one.task_id in real} | {
            name for one in found if one.task_id not in real for name in before(one)
        }

    job = jobs_of(definitions(migrate(folder), pods=True))["stripe_customers_hourly"]
    short = {task_id: task_id.rpartition(".")[2] for task_id in real}
    expected = {short[task_id]: {short[name] for name in before(task)} for task_id, task in real.items()}
    waits = {
        node.name: {
            output.node_name
            for outputs in job.dependency_structure.input_to_upstream_outputs_for_node(node.name).values()
            for output in outputs
        }
        for node in job.nodes
    }
    assert waits == expected
    assert waits["dbt_test_silver"] == {"dbt_run_silver"}


def test_schedules_keep_time_zone_and_enabled(folder: Path):
    made = definitions(migrate(folder), pods=True)
    schedules = {one.job_name: one for one in made.schedules}
    hourly, paused = schedules["stripe_customers_hourly"], schedules["paused"]
    assert (hourly.cron_schedule, hourly.execution_timezone, hourly.default_status.value) == (
        "0 * * * *",
        "UTC",
        "RUNNING",
    )
    assert (paused.execution_timezone, paused.default_status.value) == ("Europe/Berlin", "STOPPED")
    (sensor,) = made.sensors
    assert (sensor.job_name, sensor.default_status.value) == ("hubspot_contacts_daily", "RUNNING")


def test_interval_requests_one_run_however_often_evaluated(folder: Path):
    (sensor,) = definitions(migrate(folder), pods=True).sensors
    with dagster.build_sensor_context() as context:
        keys = {sensor.evaluate_tick(context).run_requests[0].run_key for _ in range(2)}
    assert len(keys) == 1


def test_a_runner_file_for_airflow_gives_dagster_nothing_to_do(folder: Path):
    assert not definitions(folder, pods=True).jobs


def test_pod_has_the_same_settings_as_under_airflow(folder: Path):
    (entry,) = [one for runner in load_runners(folder) for one in runner.entries if one.name == "paused"]
    assert entry.file is not None
    plan = make_plan(entry.file.pipeline, entry.file.contracts, RunContext("r", "/landing", "abc"))
    operator = next(task for task in airflow_dags(folder)["paused"].tasks if hasattr(task, "arguments"))
    task = plan.task(plan.steps[0].name)
    pod = build_pod(plan.tasks[0], task, Settings.from_environment().of_tenant("globex"))["spec"]
    (container,) = pod["containers"]
    received = wire.received([], "step", {one["name"]: one["value"] for one in container["env"]})
    assert received.to_json() == task.to_json()
    assert container["image"] == operator.image
    assert container["resources"]["limits"] == operator.container_resources.limits
    assert container["envFrom"] == [{"secretRef": {"name": "medallion-warehouse"}}]
    assert pod["securityContext"]["runAsNonRoot"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert {volume["name"] for volume in pod["volumes"]} == {volume.name for volume in operator.volumes}


@pytest.mark.parametrize(("codes", "attempts"), [([75, 75, 0], 3), ([75, 75, 75], 3), ([81], 1), ([0], 1)])
def test_only_listed_exit_codes_are_retried_within_limit(folder: Path, codes: list[int], attempts: int):
    (entry,) = [
        one for runner in load_runners(folder) for one in runner.entries if one.name == "stripe_customers_hourly"
    ]
    assert entry.file is not None
    retry = entry.file.pipeline.retry_config.model_copy(update={"initial_delay_seconds": 0})
    pipeline = entry.file.pipeline.model_copy(update={"retry_config": retry, "layers": ()})
    plan = make_plan(pipeline, entry.file.contracts, RunContext(RUN_ID, "/landing"))
    seen: list[str] = []

    def launch(_context: Any, _task: Any, _plan: Any, run_id: str) -> Ended:
        seen.append(run_id)
        code = codes[len(seen) - 1]
        return Ended(code, f"ended with {code}", succeeded=code == 0)

    result = build_job(plan, launch).execute_in_process(raise_on_error=False)
    assert len(seen) == attempts
    assert result.success == (codes[-1] == 0)
    assert set(seen) == {f"dagster__{result.run_id}"}


def test_waits_between_attempts_grow_as_the_job_says(folder: Path):
    (entry,) = [
        one for runner in load_runners(folder) for one in runner.entries if one.name == "stripe_customers_hourly"
    ]
    assert entry.file is not None
    plan = make_plan(entry.file.pipeline, entry.file.contracts, RunContext(RUN_ID, "/landing"))
    job = build_job(plan, lambda *_: Ended(75, "away"))
    op = next(node.definition for node in job.nodes if node.name.startswith("clean"))
    log = SimpleNamespace(warning=lambda _: None)
    waits = []
    for number in range(2):
        with pytest.raises(dagster.RetryRequested) as asked:
            next(op.compute_fn(SimpleNamespace(retry_number=number, run_id="r", log=log), {}))
        waits.append(asked.value.seconds_to_wait)
    assert waits == [7, 21]


def test_bad_schedule_is_a_job_with_the_error_others_stay(folder: Path):
    (folder / "jobs" / "globex" / "orders.yaml").write_text(
        "tenant: globex\nconnector: csv\nsource: {path: ../x}\ncontract: orders\n"
    )
    jobs = jobs_of(definitions(migrate(folder), pods=True))
    assert set(jobs) == {"stripe_customers_hourly", "hubspot_contacts_daily", "paused"}
    assert "leaves the landing volume" in (jobs["paused"].description or "")
    assert not jobs["paused"].execute_in_process(raise_on_error=False).success


def limit(dags: Path, settings: str) -> Path:
    """Writes other settings into the runner file."""
    return migrate(write(dags, SCHEDULES, settings=settings))


def test_limits_of_runs_are_tags_and_limits_of_steps_pools(folder: Path, tmp_path: Path):
    home, pools = tmp_path / "home", {}
    for text in ("    steps_per_tenant: 3\n    tenants: {globex: {concurrency: 2, steps: 1}}\n", ""):
        prepare(home, dags := limit(folder, text))
        with dagster.DagsterInstance.from_config(str(home)) as instance:
            pools[text] = {pool.name: pool.limit for pool in instance.event_log_storage.get_pool_limits()}
            limits = instance.get_concurrency_config().run_queue_config.tag_concurrency_limits
        assert limits == settings(dags)["concurrency"]["runs"]["tag_concurrency_limits"]
        assert {"key": "medallion/pipeline", "value": "paused", "limit": 1} in limits
        assert {"key": "medallion/tenant", "value": "globex", "limit": 2 if text else 1} in limits
    assert list(pools.values()) == [{"tenant-acme": 3, "tenant-globex": 1}, {}]


def test_a_tenants_second_job_waits_in_dagsters_queue(folder: Path, tmp_path: Path):
    """Dagster's own daemon decides, on an instance that `prepare` made, what leaves the queue."""
    from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
    from dagster._daemon.run_coordinator import QueuedRunCoordinatorDaemon

    home = tmp_path / "home"
    prepare(home, dags := limit(folder, "    steps_per_tenant: 9\n"))
    jobs = jobs_of(definitions(dags, pods=True))
    where = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("here"), "dags")
    with dagster.DagsterInstance.from_config(str(home)) as instance, QueuedRunCoordinatorDaemon(5) as daemon:

        def report(run: Any, event: str) -> None:
            kind = dagster.DagsterEventType[f"RUN_{event}"]
            instance.report_dagster_event(dagster.DagsterEvent(kind.value, run.job_name), run.run_id)

        def leaves() -> list[str]:
            queue = daemon._get_runs_to_dequeue(instance, instance.get_concurrency_config(), None)
            return [run.job_name for run in queue]

        first, second, other = (
            instance.create_run_for_job(
                jobs[name], tags=jobs[name].run_tags, remote_job_origin=RemoteJobOrigin(where, name)
            )
            for name in ("stripe_customers_hourly", "hubspot_contacts_daily", "paused")
        )
        for run in (first, second, other):
            report(run, "ENQUEUED")
        assert leaves() == [first.job_name, other.job_name]
        for run in (first, other):
            report(run, "START")
        assert leaves() == []
        report(first, "SUCCESS")
        assert leaves() == [second.job_name]
