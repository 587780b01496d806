"""Backups and restores by the chart's own scripts, against a Postgres server of the test's own."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import psycopg
import pytest

from dumps import BINARIES, CONTENT, SCRIPTS, run, sql, variables_of


def test_backup_restores_rows_grants_owners_and_keeps_the_old(filled: str, tmp_path: Path):
    before = sql(filled, "warehouse", CONTENT)
    done = run("backup.sh", filled, tmp_path)
    assert done.returncode == 0, done.stderr
    (stamp,) = [path.name for path in tmp_path.iterdir()]
    assert {path.name for path in (tmp_path / stamp).glob("*.dump")} == {"airflow.dump", "warehouse.dump"}
    sql(filled, "warehouse", "delete from sales.orders where id > 10")
    back = run("restore.sh", filled, tmp_path, f"{stamp}/warehouse.dump")
    assert back.returncode == 0, back.stderr
    assert sql(filled, "warehouse", CONTENT) == before
    rights = "select pg_get_userbyid(datdba), datallowconn, has_database_privilege('reader', datname, 'connect'), has_database_privilege('airflow', datname, 'connect') from pg_database where datname = 'warehouse'"
    assert sql(filled, "warehouse", rights) == [("warehouse", True, True, False)]
    assert sql(filled, "warehouse", "select has_table_privilege('reader', 'gold.orders', 'select')") == [(True,)]
    (old,) = sql(filled, "postgres", "select datname from pg_database where datname like 'warehouse_before_%'")[0]
    sql(filled, "postgres", f"drop database {old}")


def test_airflows_metadata_comes_back_with_its_owner(filled: str, tmp_path: Path):
    sql(filled, "airflow", "create table dag_run as select n as id from generate_series(1, 3) as n")
    assert run("backup.sh", filled, tmp_path).returncode == 0
    (stamp,) = [path.name for path in tmp_path.iterdir()]
    sql(filled, "airflow", "drop table dag_run")
    back = run("restore.sh", filled, tmp_path, f"{stamp}/airflow.dump")
    assert back.returncode == 0, back.stderr
    assert sql(filled, "airflow", "select count(*) from dag_run") == [(3,)]
    owner = "select pg_get_userbyid(datdba) from pg_database where datname = 'airflow'"
    assert sql(filled, "airflow", owner) == [("airflow",)]


def test_restore_ends_while_a_session_is_in_use(filled: str, tmp_path: Path):
    assert run("backup.sh", filled, tmp_path, VERIFY="false").returncode == 0
    (stamp,) = [path.name for path in tmp_path.iterdir()]
    with psycopg.connect(filled, dbname="warehouse", user="warehouse") as busy:
        busy.execute("select 1")
        back = run("restore.sh", filled, tmp_path, f"{stamp}/warehouse.dump")
        assert back.returncode == 0, back.stderr
        with pytest.raises(psycopg.OperationalError):
            busy.execute("select 1")


def test_a_dump_that_cannot_be_restored_is_no_backup(filled: str, tmp_path: Path):
    binaries = tmp_path / "bin"
    binaries.mkdir()
    # A disk that loses the end of what is written to it.
    (binaries / "pg_dump").write_text(
        f'#!/bin/sh\n{BINARIES}/pg_dump "$@" || exit\nfor a; do case $a in --file=*) truncate -s -200 "${{a#--file=}}";; esac; done\n'
    )
    (binaries / "pg_dump").chmod(0o755)
    variables = variables_of(filled, BACKUPS=str(tmp_path / "backups"), RETENTION_DAYS="14")
    variables["PATH"] = f"{binaries}{os.pathsep}{variables['PATH']}"
    done = subprocess.run(["bash", SCRIPTS / "backup.sh"], env=variables, capture_output=True, text=True, timeout=300)
    assert done.returncode != 0
    assert [path for path in (tmp_path / "backups").iterdir() if path.name.startswith("20")] == []


def test_old_backups_go_only_when_there_is_a_new_one(filled: str, tmp_path: Path):
    for name in ("2020-01-01T00-00-00Z", "2020-01-02T00-00-00Z"):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (0, 0))
    assert run("backup.sh", filled, tmp_path, PGHOST="/nowhere").returncode != 0
    assert len([path for path in tmp_path.iterdir() if path.name.startswith("2020")]) == 2
    assert run("backup.sh", filled, tmp_path, VERIFY="false").returncode == 0
    assert [path for path in tmp_path.iterdir() if path.name.startswith("2020")] == []


def test_a_backup_that_is_not_there_is_named_with_those_that_are(filled: str, tmp_path: Path):
    assert run("backup.sh", filled, tmp_path, VERIFY="false").returncode == 0
    refused = run("restore.sh", filled, tmp_path, "2001/warehouse.dump")
    assert refused.returncode == 66
    assert "/warehouse.dump" in refused.stderr.split("there are:")[1]
