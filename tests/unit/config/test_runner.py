"""Runner files and jobs: what they become, what is refused, and that one bad entry harms no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from medallion.config.catalog import find
from medallion.config.diagnostics import ConfigError
from medallion.config.job import Job
from medallion.config.load_runner import RunnerFile, load_runners
from medallion.config.pipeline import Pipeline
from medallion.config.sources import CONNECTORS
from medallion.lint.checks import lint_folder
from medallion.plan import RunContext, make_plan
from runner_folder import schedule, write

CRON = 'cron: "0 * * * *"'


def load(dags: Path) -> RunnerFile:
    (runner,) = load_runners(dags)
    return runner


def pipelines(dags: Path) -> dict[str, Pipeline]:
    return {entry.name: entry.file.pipeline for entry in load(dags).entries if entry.file}


def errors(dags: Path) -> list[str]:
    return [str(one).replace(f"{dags}/", "") for one in lint_folder(dags) if one.severity == "error"]


def test_a_schedule_and_its_job_are_a_pipeline(tmp_path: Path):
    entry = schedule("hourly", "acme/orders", CRON + ", timezone: Europe/Berlin, tags: {priority: high}")
    (pipeline,) = pipelines(write(tmp_path, entry, "acme/orders")).values()
    assert (pipeline.name, pipeline.tenant, pipeline.owner) == ("hourly", "acme", "acme")
    assert (pipeline.schedule.cron, pipeline.schedule.timezone) == ("0 * * * *", "Europe/Berlin")
    assert (pipeline.sources[0].path, pipeline.sources[0].contract) == ("orders.csv", "orders")
    assert pipeline.tags == ("priority:high",)


def test_job_has_all_pipeline_keys_except_name_and_schedule():
    from_schedule = {"name", "tags", "schedule"}
    in_other_words = {"sources", "sources_per_pod", "schema_prefix"}  # a job has one source
    assert set(Pipeline.model_fields) - from_schedule - in_other_words <= set(Job.model_fields)


def test_a_job_without_layers_is_one_step(tmp_path: Path):
    (entry,) = load(write(tmp_path, schedule("hourly", "acme/orders"), "acme/orders")).entries
    assert entry.file is not None
    plan = make_plan(entry.file.pipeline, entry.file.contracts, RunContext("run-1", "/landing"))
    assert [step.name for step in plan.steps] == ["clean.orders"]
    assert plan.tags == ("connector:csv", "medallion", "tenant:acme")


def test_two_jobs_can_share_a_contract_and_load_two_tables(tmp_path: Path):
    both = schedule("a", "acme/orders") + schedule("b", "acme/returns")
    dags = write(tmp_path, both, "acme/orders", "acme/returns")
    job = dags / "jobs" / "acme" / "returns.yaml"
    job.write_text(job.read_text().replace("contract: returns", "contract: orders\ntarget: {table: raw.returns}"))
    tables = [
        contract.table for entry in load(dags).entries if entry.file for contract in entry.file.contracts.values()
    ]
    assert tables == ["raw.orders", "raw.returns"]


@pytest.mark.parametrize(
    "config", ["/app/jobs/acme/orders.yaml", "jobs/acme/orders.yaml", "../x/jobs/acme/orders.yaml"]
)
def test_config_path_is_relative_to_the_jobs_folder(tmp_path: Path, config: str):
    entry = f"      - {{name: hourly, config: {config}, {CRON}}}\n"
    dags = write(tmp_path, entry, "acme/orders")
    if ".." in config:
        assert errors(dags) == [
            "runner.yaml:6:24: runner.orchestrator.schedules.0.config: '../x/jobs/acme/orders.yaml' leaves the folder "
            "of jobs — write a path below `jobs/`, without `..`"
        ]
    else:
        assert list(pipelines(dags)) == ["hourly"]


@pytest.mark.parametrize(
    ("entry", "diagnostic"),
    [
        (
            schedule("bad", "acme/orders", f"{CRON}, interval_seconds: 60"),
            "runner.yaml:7:9: runner.orchestrator.schedules.1: `cron` and `interval_seconds` are both given — keep one "
            "of them",
        ),
        (
            schedule("bad", "acme/orders", "enabled: true"),
            "runner.yaml:7:9: runner.orchestrator.schedules.1: neither `cron` nor `interval_seconds` is given — write "
            "one of them",
        ),
        (
            schedule("bad", "acme/orders", f"{CRON}, timezon: UTC"),
            "runner.yaml:7:71: runner.orchestrator.schedules.1.timezon: unknown key 'timezon' — did you mean "
            "'timezone'?",
        ),
        (
            schedule("'{{ ds }}'", "acme/orders"),
            "runner.yaml:7:10: runner.orchestrator.schedules.1.name: invalid value '{{ ds }}' — write a "
            "letter, then letters, digits, `_` and `-`, at most 63 in all",
        ),
        (
            schedule("bad", "acme/nothing"),
            "runner.yaml:7:21: runner.orchestrator.schedules.1.config: no job file jobs/acme/nothing.yaml — there are: "
            "jobs/acme/orders.yaml; or write it with `medallion new job nothing --tenant acme`",
        ),
        (
            schedule("good", "acme/orders"),
            "runner.yaml:7:10: runner.orchestrator.schedules.1.name: the name 'good' is taken by runner.yaml:6 — give "
            "each schedule its own name",
        ),
    ],
)
def test_bad_entry_is_reported_with_its_place_and_others_stay(tmp_path: Path, entry: str, diagnostic: str):
    dags = write(tmp_path, schedule("good", "acme/orders") + entry + schedule("last", "acme/orders"), "acme/orders")
    assert list(pipelines(dags)) == ["good", "last"]
    assert errors(dags) == [diagnostic]


@pytest.mark.parametrize(
    ("old", "new", "diagnostic"),
    [
        (
            "connector: csv",
            "connector: salesforce",
            f"jobs/acme/orders.yaml:2:1: connector: no connector 'salesforce' — there are: {', '.join(CONNECTORS)}",
        ),
        (
            "contract: orders",
            "contract: 'orders; drop table x'",
            "jobs/acme/orders.yaml:4:1: contract: invalid value 'orders; drop table x' — write a letter, then "
            "letters, digits, `_` and `-`, at most 63 in all",
        ),
        (
            "orders.csv",
            "../globex/orders.csv",
            "jobs/acme/orders.yaml:3:10: source.path: '../globex/orders.csv' leaves the landing volume — write a path "
            "below it, without `..`",
        ),
        (
            "tenant: acme",
            "tenant: globex",
            "jobs/acme/orders.yaml:1:1: tenant: the tenant is 'globex', and the file is in the folder of 'acme' — move "
            "it to jobs/globex/, so that who may write a folder is who owns its jobs",
        ),
        (
            "connector: csv",
            "connector: csv\nlayers: [{name: gold}]",
            "jobs/acme/orders.yaml:1:1: layer 'gold' has no `select`, and there is no `models` — name the folder of dbt "
            "models, or what the layer selects",
        ),
        (
            "connector: csv",
            "connector: csv\ntarget: {table: 'raw.x; drop table y'}",
            "jobs/acme/orders.yaml:3:10: target.table: invalid value 'raw.x; drop table y' — write "
            "`schema.table` in small letters, digits and `_`",
        ),
    ],
)
def test_bad_job_is_reported_with_its_place_and_others_stay(tmp_path: Path, old: str, new: str, diagnostic: str):
    both = schedule("good", "acme/returns") + schedule("bad", "acme/orders")
    dags = write(tmp_path, both, "acme/orders", "acme/returns")
    job = dags / "jobs" / "acme" / "orders.yaml"
    job.write_text(job.read_text().replace(old, new))
    assert list(pipelines(dags)) == ["good"]
    assert errors(dags) == [diagnostic]


def test_error_of_the_whole_pipeline_is_reported(tmp_path: Path):
    both = schedule("bad", "acme/orders") + schedule("good", "acme/returns")
    dags = write(tmp_path, both, "acme/orders", "acme/returns")
    job = dags / "jobs" / "acme" / "orders.yaml"
    job.write_text(job.read_text() + "source_freshness: true\n")
    assert list(pipelines(dags)) == ["good"]
    assert errors(dags) == [
        "jobs/acme/orders.yaml:1:1: there is `source_freshness` and no `models` — name the folder whose sources.yml has the "
        "limits"
    ]


def test_a_bad_setting_of_the_file_leaves_its_schedules(tmp_path: Path):
    settings = "    concurrency_per_tenant: many\n    tenants: {acme: {concurency: 3}}\n"
    dags = write(tmp_path, schedule("hourly", "acme/orders"), "acme/orders", settings=settings)
    assert list(pipelines(dags)) == ["hourly"]
    assert [line.split(": ")[0] for line in errors(dags)] == ["runner.yaml:7:5", "runner.yaml:8:22"]


@pytest.mark.parametrize(
    "text", ["runner: [", "", "runner:\n  mode: orchestrated\n", "runner: {orchestrator: {type: x}}"]
)
def test_ambiguous_file_runs_nothing_and_says_why(tmp_path: Path, text: str):
    (tmp_path / "runner.yaml").write_text(text)
    runner = load(tmp_path)
    assert runner.runner is None
    assert runner.entries == ()
    assert len(runner.diagnostics) == 1


def test_a_schedule_cannot_take_the_name_of_a_pipeline(tmp_path: Path):
    dags = write(tmp_path, schedule("orders", "acme/orders"), "acme/orders")
    (dags / "pipelines").mkdir()
    (dags / "pipelines" / "orders.yaml").write_text(
        "name: orders\nowner: me\nsources: [{name: a, path: a.csv, contract: orders}]\n"
    )
    assert errors(dags) == [
        "runner.yaml:6:10: runner.orchestrator.schedules.0.name: the name 'orders' is taken by the pipeline "
        "orders.yaml — give each schedule its own name"
    ]


def test_a_job_that_no_schedule_names_is_a_warning(tmp_path: Path):
    dags = write(tmp_path, schedule("hourly", "acme/orders"), "acme/orders", "acme/forgotten")
    assert [str(one).replace(f"{tmp_path}/", "") for one in lint_folder(dags)] == [
        "jobs/acme/forgotten.yaml:1:1: warning: no schedule names this job — add one to a runner file, or remove the "
        "job",
    ]


@pytest.mark.parametrize("name", ["jobs/acme/orders.yaml", "dags/jobs/acme/orders.yaml"])
def test_job_file_is_found_by_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str):
    dags = write(tmp_path / "dags", schedule("hourly", "acme/orders"), "acme/orders")
    monkeypatch.chdir(tmp_path)
    for folder in (dags, Path("dags")):
        found = find(folder, name)
        assert (found.pipeline.name, found.pipeline.tenant, found.pipeline.schedule.cron) == ("orders", "acme", None)


def test_job_file_that_is_missing_is_named(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"gone\.yaml"):
        find(write(tmp_path / "dags", schedule("hourly", "acme/orders"), "acme/orders"), "jobs/acme/gone.yaml")
