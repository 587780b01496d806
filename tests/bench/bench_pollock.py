"""Pollock's score of the cleaner: 2,290 polluted CSV files, loaded into Postgres and read back.

FOLDER is a checkout of https://github.com/HPI-Information-Systems/Pollock. Each file is loaded twice, with the dialect
and names that Pollock gives every system: as it is (rows with another number of values are rejected, so they count as
lost), and with `shortRows: pad` and `longRows: cut`. The measures and weights are Pollock's own.

    python tests/bench/bench_pollock.py FOLDER
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

REPO = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPO / folder) for folder in ("src", "tests/helpers")]
NEEDS = ("numpy", "chardet", "multiset", "joblib", "python-dateutil", "price-parser")
FAILED = "Application Error\n"
VARIABLES = {"host": "PGHOST", "user": "PGUSER", "dbname": "PGDATABASE"}
WAYS: dict[str, dict[str, Any]] = {"defaults": {}, "pad and cut": {"shortRows": "pad", "longRows": "cut"}}


def main(folder: Path) -> None:
    """Load all files in both ways, and print the scores."""
    from psycopg.conninfo import conninfo_to_dict

    from databases import fresh_database, running_server

    files = sorted((folder / "polluted_files" / "csv").glob("*.csv"))
    with tempfile.TemporaryDirectory() as name, running_server() as server, fresh_database(server) as url:
        os.environ.update({VARIABLES[key]: str(value) for key, value in conninfo_to_dict(url).items() if value})
        for way, options in WAYS.items():
            out = Path(name) / way.replace(" ", "-")
            out.mkdir()
            rejected = sum(load(file, folder, options, url, out / f"{file.name}_converted.csv") for file in files)
            print(f"{way}: {len(files):,} files, {rejected:,} rows rejected", flush=True)
            packages = [word for package in NEEDS for word in ("--with", package)]
            python = [Path(sys.executable).parent / "uv", "run", "--isolated", "--no-project", *packages, "python"]
            subprocess.run([*python, __file__, "--score", folder, out], check=True, timeout=1800)


def load(file: Path, folder: Path, options: dict[str, Any], url: str, out: Path) -> int:
    """Load a file and write what readers of the table see as CSV; return the number of rejected rows."""
    import psycopg

    from medallion.cleaner.__main__ import main as cleaner
    from task_file import task_file

    terms = json.loads((folder / "polluted_files" / "parameters" / f"{file.name}_parameters.json").read_text())
    contract = {**contract_of(terms, options), "rejects": {"max_share": 1}, "empty": "allow"}
    words = ["--pipeline", "pollock", "--run-id", out.parent.name + file.name, "--step", "clean.file"]
    with contextlib.redirect_stdout(io.StringIO()) as log:
        code = cleaner(task_file([*words, "--input", str(file)], contract))
    if code:
        out.write_text(FAILED + log.getvalue())
        return 0
    columns = ", ".join(field["name"] for field in contract["fields"])
    with psycopg.connect(url) as connection, out.open("w", newline="", encoding="utf-8") as target:
        writer = csv.writer(target)
        if terms["header_lines"]:
            writer.writerow(field["source"] for field in contract["fields"])
        writer.writerows(connection.execute(f"select {columns} from raw.file order by _line"))
        query = "select rows_rejected from medallion.step_runs order by id desc limit 1"
        return (connection.execute(query).fetchone() or (0,))[0] or 0


def contract_of(terms: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Return the contract of text columns that Pollock's parameters of a file say."""
    header, above = terms["header_lines"], terms["preamble_lines"]
    dialect: dict[str, Any] = {"delimiter": terms["delimiter"] or ",", **options}
    dialect |= {"quoteChar": terms["quotechar"] or '"'}
    if terms["escapechar"] not in ("", dialect["quoteChar"]):
        dialect |= {"escapeChar": terms["escapechar"]}
    if terms["row_delimiter"] == "\r":
        dialect |= {"lineTerminator": "\r"}
    # As DuckDB is run: the header's lines are skipped, and its names are Pollock's.
    dialect |= {"header": False, "commentRows": list(range(1, above + header + 1))}
    labels = [name.strip() for name in terms["column_names"]] or [f"col_{n}" for n in range(terms["n_columns"] or 1)]
    fields = [{"name": f"c{place}", "source": label, "clean": []} for place, label in enumerate(labels)]
    return {"name": "file", "table": "raw.file", "dialect": dialect, "fields": fields}


def score(folder: Path, loaded: Path) -> None:
    """Print the simple and the weighted score of loaded files, and what cost most."""
    sys.path.insert(0, str(folder))
    from pollock.metrics import header_record_cell_measures_csv

    weights = json.loads((folder / "pollock_weights.json").read_text())
    measures: dict[str, list[float]] = {}
    for clean in sorted((folder / "polluted_files" / "clean").glob("*.csv")):
        found = loaded / f"{clean.name}_converted.csv"
        failed = found.read_text(encoding="utf-8").startswith(FAILED)
        measures[clean.name] = [0.0] * 10 if failed else [1.0, *header_record_cell_measures_csv(clean, found)]
    simple = sum(map(sum, measures.values())) / len(measures)
    whole = sum(weights[name] for name in measures)
    weighted = sum(sum(values) * weights[name] / whole for name, values in measures.items())
    print(f"    simple {simple:.3f}, weighted {weighted:.3f}, of 10")
    for name, values in sorted(measures.items(), key=lambda one: sum(one[1]))[:12]:
        print(f"    {sum(values):6.3f} {name}")


if __name__ == "__main__":
    if sys.argv[1] == "--score":
        score(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        main(Path(sys.argv[1]))
