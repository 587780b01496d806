"""The warehouse's volume is full in the middle of a load and of a layer: the failure says so, and nothing is lost."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from layers import EXPECTED, load, monthly, run_all, run_layer
from medallion.cleaner.__main__ import main
from medallion.errors import ExitCode
from medallion.warehouse.connection import Connection
from task_file import task_file
from things import CONTRACT, rows


class Volume:
    """A volume of a size that can be changed, where new tables go."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def resize(self, megabytes: int) -> None:
        """Changes the size, as a storage class does that can expand volumes."""
        subprocess.run(["mount", "-o", f"remount,size={megabytes}m", self.folder], check=True, timeout=300)

    def fill(self, leave: int) -> None:
        """Leaves no more than some bytes."""
        free = shutil.disk_usage(self.folder).free
        (self.folder / "ballast").write_bytes(bytes(max(0, free - leave)))

    def empty(self) -> None:
        """Makes the room again that `fill` took."""
        (self.folder / "ballast").unlink()


@pytest.fixture
def volume(warehouse: Connection, tmp_path: Path) -> Iterator[Volume]:
    """A small file system of its own that holds every table made from now on; it needs root to be mounted."""
    (data,) = warehouse.execute("show data_directory").fetchone() or ("",)
    folder = Path(str(data)).parent / f"small-{tmp_path.name}"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", folder],
        capture_output=True,
        text=True,
        timeout=300,
    )
    if mounted.returncode:
        folder.rmdir()
        pytest.skip(f"a small volume cannot be mounted here: {mounted.stderr.strip()}")
    shutil.chown(folder, Path(str(data)).owner())
    (database,) = warehouse.execute("select current_database()").fetchone() or ("",)
    space = f"small_{os.getpid()}"
    warehouse.execute(f"create tablespace {space} location '{folder}'")  # type: ignore[arg-type]
    warehouse.execute(f"alter database {database} set default_tablespace = {space}")  # type: ignore[arg-type]
    warehouse.execute(f"set default_tablespace = {space}")  # type: ignore[arg-type]
    yield Volume(folder)
    warehouse.execute(f"alter database {database} reset default_tablespace")  # type: ignore[arg-type]
    tables = (
        "select format('alter table %I.%I set tablespace pg_default', schemaname, tablename) from pg_tables where tablespace = '"
        + space
        + "' union all select format('alter index %I.%I set tablespace pg_default', schemaname, indexname) from pg_indexes where tablespace = '"
        + space
        + "'"
    )
    Volume(folder).resize(500)
    for (statement,) in warehouse.execute(tables).fetchall():  # type: ignore[arg-type]
        warehouse.execute(statement)  # type: ignore[arg-type]
    warehouse.execute(f"drop tablespace {space}")  # type: ignore[arg-type]
    subprocess.run(["umount", folder], check=True, timeout=300)
    folder.rmdir()


def clean(path: Path, run_id: str) -> int:
    return main(
        task_file(["--pipeline", "p", "--run-id", run_id, "--step", "clean.input", "--input", str(path)], CONTRACT)
    )


def test_load_on_a_full_volume_says_so_succeeds_with_room(
    volume: Volume, warehouse: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd
):
    assert clean(rows(tmp_path / "small.csv", 10), "one") == ExitCode.OK
    big = rows(tmp_path / "big.csv", 600_000)
    assert clean(big, "two") == ExitCode.WAREHOUSE_UNAVAILABLE
    output = capfd.readouterr().out
    assert "the warehouse's volume is full" in output
    assert "No space left on device" in output
    assert warehouse.execute("select count(*) from cleaned.things").fetchone() == (10,)
    volume.resize(500)
    assert clean(big, "two") == ExitCode.OK
    assert warehouse.execute("select count(*) from cleaned.things").fetchone() == (600_000,)


@pytest.mark.slow
def test_layer_on_a_full_volume_says_so_succeeds_with_room(volume: Volume, warehouse: Connection):
    load(warehouse, "", "one")
    run_all()
    load(warehouse, "", "two", months=2)
    for layer in ("bronze", "silver"):
        assert run_layer(layer, "two").returncode == ExitCode.OK
    volume.fill(leave=12_000)
    full = run_layer("gold", "two")
    assert full.returncode == ExitCode.WAREHOUSE_UNAVAILABLE, full.stdout
    assert "No space left on device" in full.stdout
    assert "make room on it" in full.stdout
    assert monthly(warehouse) == EXPECTED
    volume.empty()
    assert run_layer("gold", "two").returncode == ExitCode.OK
    assert monthly(warehouse) == EXPECTED[:2]
