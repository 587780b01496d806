"""What `medallion new` makes of files, next to the sniffers of Frictionless, DuckDB and polars, and what a run then loads.

    python tests/bench/bench_guess.py FILE... [--peers-python PYTHON]

Without an interpreter that has the peers, a new environment gets them from the package index. Each file is guessed by
all; what `new` wrote is loaded without a change into an embedded Postgres. A type with `*` was found among junk that is
no value now; `KEY` stands behind the columns of the key.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

REPO = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPO / folder) for folder in ("src", "tests/helpers")]
PEERS = ("frictionless", "duckdb", "polars")
TEXT = ("string", "varchar", "any", "string KEY")
VARIABLES = {"host": "PGHOST", "user": "PGUSER", "dbname": "PGDATABASE"}


def main(files: list[Path], python: str | None) -> None:
    """Guess, load and compare all files, and print a table of the columns of each."""
    from psycopg.conninfo import conninfo_to_dict

    from databases import fresh_database, running_server

    with tempfile.TemporaryDirectory() as name, running_server() as server, fresh_database(server) as url:
        os.environ.update({VARIABLES[key]: str(value) for key, value in conninfo_to_dict(url).items() if value})
        python = python or python_with_peers(Path(name) / "venv")
        for number, file in enumerate(files):
            print(f"\n## {file.name}\n")
            done = subprocess.run([python, __file__, "--peers", file], capture_output=True, text=True, timeout=600)
            peers = json.loads(done.stdout) if done.returncode == 0 else dict.fromkeys(PEERS, done.stderr[-200:])
            show(guess_and_load(file, f"file{number}", url), peers)


def python_with_peers(folder: Path) -> str:
    """Make an environment with the peers; return its interpreter."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True, timeout=1800)
    python = str(folder / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "-q", *PEERS], check=True, timeout=1800)
    return python


def guess_and_load(file: Path, name: str, url: str) -> dict[str, Any]:
    """Return the columns that `new` finds and the rows that a run loads, or why there are none."""
    import psycopg

    from medallion.cleaner.__main__ import main as cleaner
    from medallion.config.contract import Contract
    from medallion.config.yaml_loader import parse
    from medallion.infer.proof import proved_contract
    from medallion.infer.refusal import NotTabular
    from task_file import task_file

    began = time.perf_counter()
    try:
        text, _ = proved_contract(name, file)
    except NotTabular as error:
        return {"refused": str(error)}
    seconds = time.perf_counter() - began
    contract = parse(text, Contract, "contract.yaml")
    columns = {
        field.header: field.type + "*" * bool(field.missing_values) + " KEY" * (field.name in contract.primary_key)
        for field in contract.fields
    }
    words = ["--pipeline", "guess", "--run-id", name, "--step", "clean.file", "--input", str(file)]
    with contextlib.redirect_stdout(io.StringIO()) as log:
        code = cleaner(task_file(words, text))
    with psycopg.connect(url) as connection:
        query = "select rows_loaded, rows_rejected from medallion.step_runs where run_id = %s order by id desc limit 1"
        loaded, rejected = connection.execute(query, (name,)).fetchone() or (0, 0)
    failure = log.getvalue()[-300:] if code else ""
    return {"columns": columns, "loaded": loaded, "rejected": rejected, "seconds": seconds, "failure": failure}


def show(ours: dict[str, Any], peers: dict[str, Any]) -> None:
    """Print the types of one file as a table, and how many rows were loaded."""
    if "refused" in ours:
        print(f"refused: {ours['refused']}")
    found = ours.get("columns", {})
    tables = {peer: result if isinstance(result, dict) else {} for peer, result in peers.items()}
    labels = list(found) or list(next(iter(tables.values()), {}))
    print(f"| column | medallion | {' | '.join(PEERS)} |\n| --- | --- | {' | '.join('---' for _ in PEERS)} |")
    for place, label in enumerate(labels):
        cells = [found.get(label, "-")]
        for peer in PEERS:
            types = list(tables[peer].values())
            cells.append(tables[peer].get(label) or (types[place] if len(types) == len(labels) else "-"))
        print(f"| {label.replace('|', '/')[:40]} | {' | '.join(cells)} |")
    typed = {"medallion": found, **tables}
    counts = [
        f"{name} {sum(kind.replace('*', '') not in TEXT for kind in types.values())}" for name, types in typed.items()
    ]
    print(f"\ncolumns with another type than text, of {len(labels)}: {', '.join(counts)}")
    for peer in (peer for peer in PEERS if not tables[peer]):
        print(f"{peer} failed: {str(peers[peer]).strip()[:160]}")
    if found:
        rows = f"{ours['loaded'] or 0:,} rows loaded, {ours['rejected'] or 0:,} rejected"
        print(f"\n{rows}; guessed in {ours['seconds']:.1f} s {ours['failure']}")


def sniff(file: str) -> dict[str, Any]:
    """Return the type of each column as the peers find it, or why one finds none."""
    found: dict[str, Any] = {}
    for peer, types in (("frictionless", by_frictionless), ("duckdb", by_duckdb), ("polars", by_polars)):
        try:
            found[peer] = types(file)
        except Exception as error:
            found[peer] = f"{type(error).__name__}: {error}"
    return found


def by_frictionless(file: str) -> dict[str, str]:
    """Describe a file with Frictionless."""
    import frictionless

    with frictionless.system.use_context(trusted=True):
        resource = frictionless.Resource(path=file)
        resource.infer(stats=False)
        return {field.name: field.type for field in resource.schema.fields}


def by_duckdb(file: str) -> dict[str, str]:
    """Describe a file with DuckDB, by all of its rows."""
    import duckdb

    query = "describe select * from read_csv(?, sample_size = -1)"
    return {row[0]: row[1].lower() for row in duckdb.execute(query, [file]).fetchall()}


def by_polars(file: str) -> dict[str, str]:
    """Describe a file with polars, by all of its rows."""
    import polars as pl

    frame = pl.read_csv(file, infer_schema_length=None, try_parse_dates=True)
    return {name: str(dtype).lower() for name, dtype in frame.schema.items()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--peers-python", help="An interpreter that has the peers.")
    parser.add_argument("--peers", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.peers:
        print(json.dumps(sniff(str(given.files[0]))))
    else:
        main([file.resolve() for file in given.files], given.peers_python)
