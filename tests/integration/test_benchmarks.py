"""Each benchmark of `make bench` runs to its end on little data; what it measures is in docs/performance.md."""

from __future__ import annotations

import subprocess
import sys

import pytest

from layers import REPO

LITTLE = {
    "bench_cleaner.py": ["--rows", "2000", "--rounds", "1"],
    "bench_folder.py": ["--files", "20", "--rounds", "1"],
    "bench_incremental.py": ["--rows", "20000", "--rounds", "1"],
    "bench_layers.py": ["--rows", "2000", "--rounds", "1"],
    "bench_packs.py": ["--rounds", "1"],
    "bench_parse.py": ["--schedules", "20", "--tenants", "2"],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", LITTLE)
def test_a_benchmark_prints_its_figures(name: str):
    command = [sys.executable, str(REPO / "tests" / "bench" / name), *LITTLE[name]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1200)
    print(done.stdout)
    assert done.returncode == 0, done.stderr[-3000:]
    assert any(character.isdigit() for character in done.stdout)
