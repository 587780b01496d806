"""Tenants' limits: what the files of a DAG folder say of them, read again when a file changes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from medallion.config.load_runner import load_runners
from medallion.orchestrators import tenant_limits as module
from medallion.orchestrators.tenant_limits import TenantLimits, cached_tenant_limits, tenant_limits
from runner_folder import schedule, write

TWO = schedule("a", "acme/orders") + schedule("b", "globex/returns")
JOBS = ("acme/orders", "globex/returns")


def limits(dags: Path, settings: str = "") -> dict[str, tuple[int, int | None]]:
    found = tenant_limits(write(dags, TWO, *JOBS, settings=settings))
    return {tenant: (limit.jobs, limit.steps) for tenant, limit in found.items()}


@pytest.mark.parametrize(
    ("settings", "acme", "globex"),
    [
        ("", (1, None), (1, None)),
        ("    concurrency_per_tenant: 2\n    tenants: {globex: {concurrency: 5}}\n", (2, None), (5, None)),
        ("    steps_per_tenant: 4\n    tenants: {globex: {steps: 2}}\n", (1, 4), (1, 2)),
        ("    tenants: {globex: {concurrency: 3, steps: 2}}\n", (1, None), (3, 2)),
        ("    concurrency_per_tenant: 2\n    tenants: {globex: {}}\n", (2, None), (2, None)),
    ],
)
def test_a_tenant_has_its_own_limit_or_the_files(tmp_path: Path, settings: str, acme: object, globex: object):
    assert limits(tmp_path, settings) == {"acme": acme, "globex": globex}


@pytest.mark.parametrize(
    ("settings", "acme", "globex"),
    [
        ("    concurrency_per_tenant: plenty\n", (1, None), (1, None)),
        ("    steps_per_tenant: 0\n", (1, 1), (1, 1)),
        ("    concurrency_per_tenant: 7\n    tenants: {globex: {concurrency: many}}\n", (7, None), (1, None)),
        ("    concurrency_per_tenant: 7\n    tenants: {globex: {steps: !x 3}}\n", (7, None), (7, 1)),
        ("    concurrency_per_tenant: 7\n    tenants: {globex: 3}\n", (7, None), (1, 1)),
        ("    concurrency_per_tenant: 7\n    tenants: {Not A Name: {steps: 1}}\n", (7, None), (7, None)),
    ],
)
def test_a_limit_that_cannot_be_read_is_one(tmp_path: Path, settings: str, acme: object, globex: object):
    assert limits(tmp_path, settings) == {"acme": acme, "globex": globex}
    (runner,) = load_runners(tmp_path)
    assert len(runner.diagnostics) == 1
    assert all(entry.file for entry in runner.entries)


def test_of_two_files_that_limit_one_tenant_the_smaller_counts(tmp_path: Path):
    dags = write(tmp_path, TWO, *JOBS, settings="    concurrency_per_tenant: 4\n    steps_per_tenant: 2\n")
    for name, settings in (("more", "concurrency_per_tenant: 3"), ("most", "steps_per_tenant: 9")):
        (dags / f"runner_{name}.yaml").write_text(
            f"runner:\n  orchestrator:\n    {settings}\n    schedules:\n{schedule(name, 'acme/orders')}"
        )
    assert tenant_limits(dags) == {"acme": TenantLimits(1, 2), "globex": TenantLimits(4, 2)}


def test_a_tenant_of_a_pipeline_file_has_one_job(tmp_path: Path):
    dags = write(tmp_path, schedule("a", "acme/orders"), *JOBS)
    (dags / "pipelines").mkdir()
    (dags / "pipelines" / "own.yaml").write_text(
        "name: own\nowner: me\ntenant: initech\nsources: [{name: a, path: a.csv, contract: orders}]\n"
    )
    assert tenant_limits(dags) == {"acme": TenantLimits(), "initech": TenantLimits(1, None)}


def test_a_broken_job_and_one_in_no_folder_have_limits_too(tmp_path: Path):
    entry = "      - {{name: {0}, config: jobs/{0}.yaml, cron: '@daily'}}\n"
    flat = entry.format("plain") + entry.format("gone")
    dags = write(
        tmp_path, TWO + flat + schedule("d", "nothing/there"), *JOBS, settings="    concurrency_per_tenant: 2\n"
    )
    job = (dags / "jobs" / "acme" / "orders.yaml").read_text()
    (dags / "jobs" / "plain.yaml").write_text(job.replace("acme", "initech"))
    (dags / "jobs" / "acme" / "orders.yaml").write_text("tenant: [")
    assert list(tenant_limits(dags)) == ["acme", "globex", "initech", "nothing"]
    assert set(tenant_limits(dags).values()) == {TenantLimits(2)}


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders that were read, in order; what is read is read as always."""
    seen: list[Path] = []

    def reading(dags: Path) -> dict[str, TenantLimits]:
        seen.append(dags)
        return tenant_limits(dags)

    monkeypatch.setattr(module, "tenant_limits", reading)
    return seen


def test_limits_are_read_again_when_a_file_changes_only(tmp_path: Path, readings: list[Path]):
    dags = write(tmp_path / "dags", TWO, *JOBS)
    assert cached_tenant_limits(dags) == cached_tenant_limits(dags) == tenant_limits(dags)
    assert len(readings) == 1
    write(dags, TWO, settings="    concurrency_per_tenant: 7\n")
    assert cached_tenant_limits(dags)["acme"] == TenantLimits(7)
    assert len(readings) == 2


def test_limits_follow_the_link_that_git_sync_switches(tmp_path: Path):
    link = tmp_path / "dags"
    for number in (1, 2):
        write(tmp_path / f"commit{number}", TWO, *JOBS, settings=f"    concurrency_per_tenant: {number}\n")
        link.unlink(missing_ok=True)
        link.symlink_to(tmp_path / f"commit{number}")
        assert cached_tenant_limits(link)["acme"] == TenantLimits(number)


def test_the_last_limits_hold_while_the_folder_is_not_there(tmp_path: Path):
    dags = write(tmp_path / "dags", TWO, *JOBS, settings="    concurrency_per_tenant: 7\n")
    before = cached_tenant_limits(dags)
    shutil.rmtree(dags)
    assert cached_tenant_limits(dags) == before
    with pytest.raises(FileNotFoundError):
        cached_tenant_limits(tmp_path / "never")
