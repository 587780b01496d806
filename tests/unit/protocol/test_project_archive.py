"""A dbt project's files as an archive: what is in it, and that the same files always give the same bytes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from medallion.errors import Misconfigured
from medallion.protocol import project_archive
from medallion.protocol.project_archive import check_packages, files_of, hash_files, pack, unpack


def write(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"of {name}")
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write(
        tmp_path / "project",
        "dbt_project.yml",
        "models/a.sql",
        "seeds/ä ö.csv",
        "dbt_packages/utils/dbt_project.yml",
        "dbt_packages/utils/macros/m.sql",
        "dbt_packages/utils/integration_tests/dbt_project.yml",
        "dbt_packages/utils/integration_tests/models/b.sql",
        "dbt_packages/utils/dbt_packages/older/macros/o.sql",
        ".dbtignore",
        "models/logs/l.sql",
        "models/target/t.sql",
        "dbt_packages/utils/models/target/t.sql",
        "dbt_packages/utils/target/manifest.json",
        "target/manifest.json",
        "logs/dbt.log",
        ".git/config",
        "models/.ipynb_checkpoints/a.sql",
        "elsewhere/dbt_project.yml",
        "elsewhere/models/c.sql",
    )


KEPT = [
    ".dbtignore",
    "dbt_packages/utils/dbt_project.yml",
    "dbt_packages/utils/macros/m.sql",
    "dbt_packages/utils/models/target/t.sql",
    "dbt_project.yml",
    "models/a.sql",
    "models/logs/l.sql",
    "models/target/t.sql",
    "seeds/ä ö.csv",
]


def test_it_has_what_dbt_reads_and_no_other_project(project: Path):
    assert [name for name, _ in files_of(project)] == KEPT


def test_package_linked_to_the_parent_folder_is_packed_once(tmp_path: Path):
    package = write(tmp_path / "package", "dbt_project.yml", "models/p.sql", "integration_tests/dbt_project.yml")
    project = write(package / "integration_tests", "seeds/s.csv")
    (project / "dbt_packages").mkdir()
    (project / "dbt_packages" / "package").symlink_to("../..")
    names = [name for name, _ in files_of(project)]
    assert names == ["dbt_packages/package/dbt_project.yml", "dbt_packages/package/models/p.sql", "dbt_project.yml", "seeds/s.csv"]  # fmt: skip


def test_packages_are_where_the_project_installs_them(tmp_path: Path):
    project = write(tmp_path, "lib/dbt/utils/dbt_project.yml", "lib/dbt/utils/logs/l.log", "lib/dbt/utils/macros/m.sql")
    (project / "dbt_project.yml").write_text("name: shop\npackages-install-path: ./lib/dbt\n")
    (project / "packages.yml").write_text("packages: [{package: dbt-labs/dbt_utils, version: 1.3.3}]")
    names = ["dbt_project.yml", "lib/dbt/utils/dbt_project.yml", "lib/dbt/utils/macros/m.sql", "packages.yml"]
    assert [name for name, _ in files_of(project)] == names
    check_packages(project)


def test_a_link_that_leads_back_ends(project: Path):
    (project / "models" / "again").symlink_to("..")
    assert [name for name, _ in files_of(project)] == KEPT


def test_archive_does_not_depend_on_times_and_permissions(project: Path, tmp_path: Path):
    before = pack(project), hash_files(project)
    for _, path in files_of(project):
        os.utime(path, (1, 1))
        path.chmod(0o600)
    assert (pack(project), hash_files(project)) == before
    copy = tmp_path / "copy"
    unpack(before[0], copy)
    assert hash_files(copy) == before[1]
    assert all(path.stat().st_mtime > 1_000_000_000 for _, path in files_of(copy))


@pytest.mark.parametrize("change", ["content", "name", "split"])
def test_another_content_or_name_gives_another_digest(project: Path, change: str):
    before = hash_files(project)
    if change == "content":
        (project / "models" / "a.sql").write_text("other")
    elif change == "name":
        (project / "models" / "a.sql").rename(project / "models" / "b.sql")
    else:
        (project / "models" / "a.sql").write_text("")
        write(project, "models/b.sql")
    assert hash_files(project) != before


def test_a_project_that_is_too_large_is_refused(project: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(project_archive, "MAX_BYTES", 100)
    with pytest.raises(Misconfigured, match=r"compressed bytes, 100 can be sent to a pod"):
        pack(project)
