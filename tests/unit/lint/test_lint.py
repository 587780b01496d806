"""Configuration that is valid and does not do what one would think, and files that are not read: lint says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from medallion.cli import app
from medallion.config.catalog import iter_pipelines
from medallion.config.diagnostics import ConfigError
from medallion.config.schedule import Schedule
from medallion.lint.checks import lint_file, lint_folder
from runner_folder import CONTRACT, JOB, schedule, write

REPO = Path(__file__).resolve().parents[3]
CASES = REPO.parent / "shared" / "cases"
PIPELINE = "name: {name}\nowner: me\nsources: [{{name: a, path: {path}.csv, contract: {contract}}}]\n"


@pytest.fixture
def dags(tmp_path: Path) -> Path:
    """A DAG folder with nothing wrong with it: a runner file, a job, and a pipeline."""
    dags = write(tmp_path / "dags", schedule("hourly", "acme/orders"), "acme/orders")
    pipeline(dags, "daily", "daily")
    return dags


def pipeline(dags: Path, name: str, contract: str, rest: str = "", path: str = "daily") -> Path:
    (dags / "pipelines").mkdir(exist_ok=True)
    file = dags / "pipelines" / f"{name}.yaml"
    file.write_text(PIPELINE.format(name=name, path=path, contract=contract) + rest)
    (dags / "contracts" / f"{contract}.yaml").write_text(CONTRACT.format(name=contract))
    return file


def diagnostics(dags: Path) -> list[str]:
    return [str(diagnostic).replace(f"{dags}/", "") for diagnostic in lint_folder(dags)]


def test_good_folder_has_no_diagnostics(dags: Path):
    assert diagnostics(dags) == []


@pytest.mark.parametrize("cron", ["0 0 30 2 *", "0 0 31 2,4,6,9,11 *", "0 6 31 4 *", "5 4 30-31 feb *"])
def test_a_cron_date_that_never_comes_is_an_error(dags: Path, cron: str):
    pipeline(dags, "daily", "daily", f"schedule: {{cron: '{cron}'}}\n")
    (diagnostic,) = diagnostics(dags)
    assert diagnostic.startswith(f"pipelines/daily.yaml:4:12: schedule.cron: '{cron}' never comes")


@pytest.mark.parametrize(
    "cron",
    ["R R * * *", "H 6 * * *", "0 0 15W * *", "* * * * * *", "0 0 * * 1#6", "@reboot", "0 r(1-5) * * *", "@Daily", ""],
)
def test_invalid_or_unstable_cron_is_an_error(cron: str):
    with pytest.raises(ValueError, match="is no cron expression"):
        Schedule(cron=cron)


@pytest.mark.parametrize(
    "cron",
    ["0 0 29 2 *", "0 0 30 2 1", "0 0 L * *", "0 0 * * 5#3", "0 22-6 * * fri-mon", "0 0 ? JAN mon", "@quarterly"],
)
def test_a_cron_that_comes_is_taken(cron: str):
    assert Schedule(cron=cron).cron == cron


@pytest.mark.parametrize(
    ("cron", "message"),
    [
        ("*/7 * * * *", "`*/7` is not every 7 minutes: it begins again at each hour, and runs at minute 0, 7, 14, 21"),
        ("*/90 * * * *", "runs at minute 0 "),
        ("0 */5 * * *", "`*/5` is not every 5 hours: it begins again at each day, and runs at hour 0, 5, 10, 15, 20"),
        ("5/7 * * * *", "`5/7` is not every 7 minutes"),
        ("0 0 */2 * *", "`*/2` is not every 2 days: it begins again at each month, and runs at day 1, 3"),
        ("0 0 1 */5 *", "runs at month 1, 6, 11"),
        ("0 0 * * */2", "runs at weekday 0, 2, 4, 6"),
    ],
)
def test_a_step_that_does_not_divide_is_a_warning(dags: Path, cron: str, message: str):
    pipeline(dags, "daily", "daily", f"schedule: {{cron: '{cron}'}}\n")
    (diagnostic,) = diagnostics(dags)
    assert diagnostic.startswith("pipelines/daily.yaml:4:12: warning: schedule.cron: ")
    assert message in f"{diagnostic} "


@pytest.mark.parametrize(
    "cron", ["*/15 * * * *", "0 */6 * * *", "5/15 * * * *", "0 8-18/3 * * *", "*/1 * * * *", "0 0 1 */3 *"]
)
def test_a_step_that_divides_or_ends_where_it_says_is_fine(dags: Path, cron: str):
    pipeline(dags, "daily", "daily", f"schedule: {{cron: '{cron}'}}\n")
    assert diagnostics(dags) == []


@pytest.mark.parametrize(("zone", "region"), [("EST", "America/New_York"), ("MST", "America/Denver")])
def test_an_abbreviation_that_stays_at_winter_time_is_a_warning(dags: Path, zone: str, region: str):
    pipeline(dags, "daily", "daily", f"schedule: {{cron: 0 6 * * *, timezone: {zone}}}\n")
    assert diagnostics(dags) == [
        f"pipelines/daily.yaml:4:29: warning: schedule.timezone: {zone} stays at winter time all year, and {region} does "
        f"not — write {region}, or UTC"
    ]


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "Europe/Berlin", "HST", "Etc/GMT-1", "America/Phoenix", "GMT"])
def test_a_zone_that_is_what_it_says_is_fine(dags: Path, zone: str):
    pipeline(dags, "daily", "daily", f"schedule: {{cron: 0 6 * * *, timezone: {zone}}}\n")
    assert diagnostics(dags) == []


@pytest.mark.parametrize(
    "zone", ["PST", "Europe", "localtime", "right/UTC", "../UTC", "", "x" * 5000, "Europe/berlin\0"]
)
def test_invalid_or_machine_dependent_zone_is_an_error(zone: str):
    with pytest.raises(ValueError, match="no time zone"):
        Schedule(timezone=zone)


@pytest.mark.parametrize(
    ("zone", "cron", "does"),
    [
        ("Europe/Berlin", "30 2 * * *", ("skips 02:30", "has 02:30 on")),
        ("America/New_York", "0 1,2 * * *", ("skips 02:00", "has 01:00 on")),
        ("America/Santiago", "@daily", ("skips 00:00",)),
    ],
)
def test_time_in_a_clock_change_is_a_warning(dags: Path, zone: str, cron: str, does: tuple[str, ...]):
    pipeline(dags, "daily", "daily", f"schedule: {{cron: '{cron}', timezone: {zone}}}\n")
    (diagnostic,) = diagnostics(dags)
    assert "warning: schedule.cron" in diagnostic
    assert all(one in diagnostic for one in does)


@pytest.mark.parametrize(
    ("zone", "cron"),
    [
        ("Europe/Berlin", "0 * * * *"),
        ("Europe/Berlin", "30 1 * * *"),
        ("UTC", "30 2 * * *"),
        ("Europe/Berlin", "30 2 * * mon"),
    ],
)
def test_a_time_that_no_change_of_clocks_touches_is_fine(dags: Path, zone: str, cron: str):
    pipeline(dags, "daily", "daily", f"schedule: {{cron: '{cron}', timezone: {zone}}}\n")
    assert diagnostics(dags) == []


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        ("schedule: {interval_seconds: 99999999999999999999}", "less than or equal to"),
        ("schedule: {interval_seconds: 60}\nmodels: m\nlayers: [{name: a}, {name: b}, {name: c}, {name: d}, {name: e}, {name: f}]", "takes 70 s at least"),
        ("schedule: {start_date: 0001-01-01}", "greater than or equal to"),
        ("schedule: {catchup: true}", "catchup: has no effect"),
        ("retry_config: {max_retries: 0, initial_delay_seconds: 5}", "nothing is retried"),
        ("retry_config: {retryable_exit_codes: []}", "no exit code is retried"),
        ("retry_config: {initial_delay_seconds: 9000, max_delay_seconds: 9000}", "the first retry comes after 9000 s"),
        ("retry_config: {initial_delay_seconds: 60, max_delay_seconds: 30}", "is cut to `max_delay_seconds`"),
        ("timeouts: {step_seconds: 9000}", "timeouts.step_seconds: is never reached"),
        ("timeouts: {deadline_seconds: 9000}", "timeouts.deadline_seconds: is never reached"),
    ],
)  # fmt: skip
def test_setting_without_effect_is_reported(dags: Path, rest: str, message: str):
    file = pipeline(dags, "daily", "daily", rest + "\n")
    (diagnostic,) = diagnostics(dags)
    assert diagnostic.startswith("pipelines/daily.yaml:4:")
    assert message in diagnostic
    assert [str(one).replace(f"{dags}/", "") for one in lint_file(file)] == [diagnostic], "of one file too"


@pytest.mark.parametrize(
    ("path", "remedy"),
    [
        ("pipelines/orders.yml", "rename it to pipelines/orders.yaml"),
        ("pipelines/orders.YAML", "rename it to pipelines/orders.yaml"),
        ("pipelines/orders.json", "rename it to pipelines/orders.yaml"),
        ("pipelines/orders.yaml.txt", "rename it to pipelines/orders.yaml"),
        ("pipelines/orders.yaml ", "rename it to pipelines/orders.yaml"),
        ("pipelines/team/orders.yaml", "move it to pipelines/orders.yaml"),
        ("contracts/orders.yml", "rename it to contracts/orders.yaml"),
        ("contracts/eu/orders.yaml", "move it to contracts/orders.yaml"),
        ("jobs/acme/orders.YML", "rename it to jobs/acme/orders.yaml"),
        ("runner-eu.yml", "write this runner file as runner-eu.yaml at the top of the DAG folder"),
        ("Runner.yaml", "write this runner file as runner.yaml at the top of the DAG folder"),
        ("team/runner.yaml", "write this runner file as runner.yaml at the top of the DAG folder"),
        ("schedules.yaml", "write this runner file as runner-schedules.yaml at the top of the DAG folder"),
        ("orders.yaml", "move this pipeline to pipelines/orders.yaml"),
        ("pipeline/orders.json", "move this pipeline to pipelines/orders.yaml"),
        ("contract/orders.yaml", "move this contract to contracts/orders.yaml"),
        ("job/acme/orders.yaml", "move this job to jobs/<tenant>/orders.yaml"),
    ],
)
def test_a_file_that_is_not_read_is_an_error(dags: Path, path: str, remedy: str):
    file = dags / path
    file.parent.mkdir(parents=True, exist_ok=True)
    text = {"contract": CONTRACT, "job": JOB}.get(path.split("/")[0], PIPELINE)
    text = text.format(name="orders", tenant="acme", path="a", contract="orders")
    if path == "schedules.yaml":
        text = "runner: {orchestrator: {}}\n"
    file.write_text('{"name": "orders", "sources": []}' if path.endswith("json") else text)
    assert diagnostics(dags) == [f"{path}:1:1: is not read — {remedy}"]


@pytest.mark.parametrize(
    "rest", ["models: m\nlayers: [{name: gold}]\n", "steps: [{name: s, image: a, command: [b]}]\n"]
)
def test_pipeline_without_sources_that_is_not_read_is_an_error(dags: Path, rest: str):
    (dags / "pipeline").mkdir()
    (dags / "pipeline" / "a.yaml").write_text(f"name: a\nowner: me\n{rest}")
    assert diagnostics(dags) == ["pipeline/a.yaml:1:1: is not read — move this pipeline to pipelines/a.yaml"]


@pytest.mark.parametrize("path", ["pipelines/README.md", "contracts/.gitkeep", "jobs/acme/x.yaml.bak", "values.yaml", "dbt/models/sources.yml", ".hidden/runner.yaml", "pipelines/.orders.yaml.swp"])  # fmt: skip
def test_unrelated_file_is_ignored(dags: Path, path: str):
    file = dags / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("version: 2\nsources: [{name: a}]\n")
    assert diagnostics(dags) == []


def test_job_file_with_suffix_yml_is_read(dags: Path):
    (dags / "jobs" / "acme" / "orders.yaml").rename(dags / "jobs" / "acme" / "orders.yml")
    text = (dags / "runner.yaml").read_text()
    (dags / "runner.yaml").write_text(text.replace("orders.yaml", "orders.yml"))
    assert diagnostics(dags) == []
    (dags / "jobs" / "acme" / "orders.yml").write_text("tenant: [")
    assert diagnostics(dags)[0].startswith("jobs/acme/orders.yml:2:1: is not YAML")


@pytest.mark.parametrize(
    "target", ["contracts/orders.yaml", "jobs/acme/orders.yaml", "pipelines/daily.yaml", "runner.yaml"]
)
def test_a_link_is_what_the_path_says_under_which_it_lies(dags: Path, tmp_path: Path, target: str):
    outside = tmp_path / "outside" / "deep" / "any-name.txt"
    outside.parent.mkdir(parents=True)
    (dags / target).rename(outside)
    (dags / target).symlink_to(outside)
    assert diagnostics(dags) == []
    assert lint_file(dags / target) == ()
    assert {one.name for one in iter_pipelines(dags) if one.file} == {"hourly", "daily"}
    outside.write_text("a: [")
    assert any(line.startswith(f"{target}:2:1: is not YAML") for line in diagnostics(dags))


@pytest.mark.parametrize("folder", ["contracts", "jobs", "jobs/acme", "pipelines"])
def test_a_link_to_a_folder_is_followed(dags: Path, tmp_path: Path, folder: str):
    (tmp_path / "outside").mkdir()
    (dags / folder).rename(tmp_path / "outside" / "folder")
    (dags / folder).symlink_to(tmp_path / "outside" / "folder")
    assert diagnostics(dags) == []
    assert {one.name for one in iter_pipelines(dags) if one.file} == {"hourly", "daily"}
    (dags / "jobs" / "acme" / "orders.yaml").write_text("tenant: [")
    assert any(line.startswith("jobs/acme/orders.yaml:2:1: is not YAML") for line in diagnostics(dags))


def test_a_dag_folder_behind_a_link_as_git_sync_has_it_is_read(dags: Path, tmp_path: Path):
    (tmp_path / "git").symlink_to(dags)
    assert diagnostics(tmp_path / "git") == []
    assert {one.name for one in iter_pipelines(tmp_path / "git") if one.file} == {"hourly", "daily"}


@pytest.mark.parametrize("target", ["gone.yaml", "orders.yaml"])
def test_a_link_to_nothing_or_to_itself_is_an_error(dags: Path, target: str):
    (dags / "contracts" / "orders.yaml").unlink()
    (dags / "contracts" / "orders.yaml").symlink_to(target)
    assert diagnostics(dags) == [
        f"contracts/orders.yaml:1:1: is a link to {target}, which is not there — correct the link, or remove it"
    ]


def test_a_loop_of_folders_ends(dags: Path):
    (dags / "jobs" / "acme" / "again").symlink_to(dags / "jobs")
    (dags / "pipelines" / "again").symlink_to(dags)
    assert diagnostics(dags) == []


def test_a_link_that_git_wrote_as_text_is_followed(dags: Path, tmp_path: Path):
    (tmp_path / "shared").mkdir()
    (dags / "contracts" / "orders.yaml").rename(tmp_path / "shared" / "orders.yaml")
    (dags / "contracts" / "orders.yaml").write_text("../../shared/orders.yaml")
    assert diagnostics(dags) == []
    (dags / "contracts" / "orders.yaml").write_text("../../shared/gone.yaml")
    assert diagnostics(dags) == ["contracts/orders.yaml:1:1: is empty or no mapping — start with `name: …`"]


def test_a_file_that_cannot_be_opened_is_an_error(dags: Path):
    (dags / "contracts" / "orders.yaml").unlink()
    (dags / "contracts" / "orders.yaml").mkdir()
    assert diagnostics(dags)[0].startswith("contracts/orders.yaml:1:1: no such contract")


def test_a_repository_below_a_folder_called_jobs_is_no_job(tmp_path: Path):
    dags = write(tmp_path / "jobs" / "repo" / "dags", schedule("hourly", "acme/orders"), "acme/orders")
    assert lint_file(dags / "runner.yaml") == ()
    file = pipeline(dags, "daily", "daily")
    assert lint_file(file) == lint_file(dags / "jobs" / "acme" / "orders.yaml") == ()


def test_a_file_named_from_within_its_folder_is_the_same_file(dags: Path, monkeypatch: pytest.MonkeyPatch):
    for folder in ("pipelines", "contracts", "jobs/acme"):
        monkeypatch.chdir(dags / folder)
        for path in Path().glob("*.yaml"):
            assert lint_file(path) == ()


def test_two_jobs_writing_one_table_are_a_warning(dags: Path):
    (dags / "jobs" / "acme" / "more.yaml").write_text(
        JOB.format(tenant="acme", name="orders").replace("orders.csv", "b.csv")
    )
    (dags / "runner.yaml").write_text(
        (dags / "runner.yaml").read_text() + schedule("again", "acme/orders") + schedule("more", "acme/more")
    )
    (diagnostic,) = diagnostics(dags)
    assert "warning: 'more' writes raw.orders from another source than 'hourly'" in diagnostic


def test_two_pipelines_that_build_the_same_models_are_a_warning(dags: Path):
    layers = "models: m\nlayers: [{name: gold}]\n"
    pipeline(dags, "daily", "daily", layers)
    pipeline(dags, "weekly", "daily", layers)
    (diagnostic,) = diagnostics(dags)
    assert "weekly.yaml:5:1: warning: layers: builds m/gold into the same schema as 'daily'" in diagnostic
    pipeline(dags, "weekly", "daily", layers + "schema_prefix: w_\n")
    assert diagnostics(dags) == []


def test_names_that_differ_only_in_case_are_a_warning(dags: Path):
    (dags / "runner.yaml").write_text((dags / "runner.yaml").read_text() + schedule("DAILY", "acme/orders"))
    (diagnostic,) = diagnostics(dags)
    assert "runner.yaml:7:10: warning: runner.orchestrator.schedules.1.name: differs from 'daily'" in diagnostic


def test_unused_file_is_reported(dags: Path):
    (dags / "contracts" / "old.yaml").write_text(CONTRACT.format(name="older"))
    (dags / "jobs" / "loose.yaml").write_text(JOB.format(tenant="acme", name="orders"))
    assert diagnostics(dags) == [
        "contracts/old.yaml:1:1: warning: no pipeline and no job uses this contract — name it in a source, or remove it",
        "contracts/old.yaml:1:1: warning: name: the file is old.yaml — write `name: old`",
        "jobs/loose.yaml:1:1: warning: no schedule names this job — add one to a runner file, or remove the job",
        "jobs/loose.yaml:1:1: warning: tenant: the job is in no tenant's folder — move it to jobs/acme/, so that who may "
        "write a folder is who owns its jobs",
    ]


@pytest.mark.parametrize(
    ("rest", "options", "code"),
    [("", [], 0), ("", ["--strict"], 0), ("*/7 * * * *", [], 0), ("*/7 * * * *", ["--strict"], 1), ("R R * * *", [], 1), ("", ["--no-such"], 2)],
)  # fmt: skip
def test_lint_exits_0_for_warnings_1_for_errors_2_for_usage(dags: Path, rest: str, options: list[str], code: int):
    pipeline(dags, "daily", "daily", f"schedule: {{cron: '{rest}'}}\n" if rest else "")
    assert CliRunner().invoke(app, ["lint", "--dags", str(dags), *options]).exit_code == code


def test_a_dag_folder_that_is_not_there_is_an_error(tmp_path: Path):
    with pytest.raises(ConfigError, match="there is no such folder"):
        lint_folder(tmp_path / "gone")
    assert CliRunner().invoke(app, ["lint", "--dags", str(tmp_path / "gone")]).exit_code == 1


@pytest.mark.skipif(not CASES.is_dir(), reason="the cases from the field are not on this machine")
@pytest.mark.parametrize(
    ("case", "names", "lines"),
    [("18", {"good"}, [6, 7, 8]), ("19", {"a", "fine"}, [9]), ("21", {"good"}, []), ("23", {"good", "zgood"}, [])],
)
def test_case_from_the_field_is_reported_and_harms_no_other(case: str, names: set[str], lines: list[int]):
    (folder,) = CASES.glob(f"{case}-*")
    found: list[Any] = [one for one in lint_folder(folder / "dags") if one.severity == "error"]
    assert [one.line for one in found] == lines
    assert {one.name for one in iter_pipelines(folder / "dags") if one.file} == names


def test_broken_job_is_reported_once_for_a_relative_folder(dags: Path, monkeypatch: pytest.MonkeyPatch):
    (dags / "jobs" / "acme" / "orders.yaml").write_text("tenant: acme\nconnector: csv\ncontract: orders\n")
    monkeypatch.chdir(dags.parent)
    found = [str(one) for one in lint_folder(Path("dags")) if one.severity == "error"]
    assert found == ["dags/jobs/acme/orders.yaml:1:1: source: key 'source' is missing — add `source: …`"]


def test_exit_codes_that_no_step_ends_with_are_warned_of(dags: Path):
    pipeline(dags, "daily", "daily", "retry_config: {retryable_exit_codes: [75, 1, 2]}\n")
    assert diagnostics(dags) == [
        "pipelines/daily.yaml:4:16: warning: retry_config.retryable_exit_codes: no step ends with exit code 1, 2 — see "
        "the exit codes in docs/reference/exit-codes.md"
    ]
