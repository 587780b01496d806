"""What plain dbt makes of a project, to compare with."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg
import yaml
from psycopg import sql

RELATIONS = """
    select n.nspname, c.relname from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
    where c.relkind in ('r', 'v', 'm') and n.nspname !~ '(__[0-9a-f]{8}$|^pg_)'
        and n.nspname not in ('information_schema', 'medallion')
"""
COLUMNS = """
    select a.attname from pg_attribute as a join pg_class as c on c.oid = a.attrelid
    join pg_namespace as n on n.oid = c.relnamespace
    where n.nspname = %s and c.relname = %s and a.attnum > 0 and not a.attisdropped order by 1
"""

_COMMANDS = """
import json, sys
from dbt.cli.main import dbtRunner
sys.exit(not all(dbtRunner().invoke(command).success for command in json.loads(sys.argv[1])))
"""
"""One process for all of them: to import dbt takes longer than most of these commands."""


def flags(project: Path, url: str, folder: Path, settings: Mapping[str, Any] = {}) -> list[str]:
    """Write a profile; return the flags of each dbt command: see `plain_dbt`."""
    target = settings.get("target", "warehouse")
    with psycopg.connect(url) as connection:
        info = connection.info
        output = {
            **{"type": "postgres", "host": info.host, "port": info.port, "dbname": info.dbname, "threads": 2},
            **{"user": info.user, "password": info.password, "schema": settings.get("schema", "public")},
        }
    folder.mkdir(parents=True, exist_ok=True)
    name = yaml.safe_load((project / "dbt_project.yml").read_text())["profile"]
    profiles = {name: {"target": target, "outputs": {target: output}}}
    (folder / "profiles.yml").write_text(json.dumps(profiles))
    places = ["--project-dir", project, "--profiles-dir", folder, "--target-path", folder, "--log-path", folder]
    variables = ["--vars", json.dumps(settings.get("vars", {}))]
    return [*map(str, places), *variables]


def plain_dbt(
    project: Path,
    url: str,
    folder: Path,
    settings: Mapping[str, Any] = {},
    *,
    full_seeds: bool = False,
    tests: bool = True,
) -> None:
    """Run `dbt seed` and `dbt build` in a database; the profile and what dbt writes go to a folder.

    Args:
        project: The project.
        url: The database.
        folder: Made if it is missing.
        settings: `schema`, `target` and `vars`, as in a pipeline's `dbt`.
        full_seeds: Make seeds from nothing: dbt fails where one has a new column.
        tests: Run the tests. A failed one keeps dbt from building what follows.
    """
    common = [*flags(project, url, folder, settings), "--quiet"]
    without = [] if tests else ["--exclude-resource-type", "test", "--exclude-resource-type", "unit_test"]
    commands = [["seed", *common, *["--full-refresh"] * full_seeds], ["build", *common, *without]]
    subprocess.run([sys.executable, "-c", _COMMANDS, json.dumps(commands)], check=True, timeout=1800)


def count_tests(folder: Path) -> Counter[str]:
    """How often plain dbt's last command ran each test, by name."""
    results = json.loads((folder / "run_results.json").read_text())["results"]
    tests = [result["unique_id"].split(".") for result in results if "test" in result["unique_id"].split(".")[0]]
    return Counter(words[2] if words[0] == "test" else words[-1] for words in tests)


def columns(url: str) -> dict[str, dict[str, str]]:
    """A digest of the values of each column of each relation that a reader sees."""
    with psycopg.connect(url) as connection:
        return {
            f"{schema}.{name}": {
                column: _digest(connection, schema, name, column)
                for (column,) in connection.execute(COLUMNS, (schema, name)).fetchall()
            }
            for schema, name in connection.execute(RELATIONS).fetchall()
        }


def _digest(connection: psycopg.Connection, schema: str, name: str, column: str) -> str:
    # The two databases may sort text differently.
    ordered = 'string_agg(t::text, chr(10) order by t::text collate "C")'
    query = sql.SQL(f"select count(*), md5({ordered}) from (select {{}} from {{}}) as t")
    row = connection.execute(query.format(sql.Identifier(column), sql.Identifier(schema, name))).fetchone()
    return str(row)


def differences(expected: str, again: str, found: str) -> list[str]:
    """Where a database differs from what plain dbt makes; what two of plain dbt's runs differ in is left out.

    Args:
        expected: The database of plain dbt.
        again: Another one of plain dbt: a time or an id of the run differs.
        found: The database to compare.
    """
    first, second, ours = columns(expected), columns(again), columns(found)
    differing = [f"{name} is missing" for name in sorted(first.keys() - ours.keys())]
    differing += [f"{name} is too many" for name in sorted(ours.keys() - first.keys())]
    for name in sorted(first.keys() & ours.keys()):
        if first[name].keys() != ours[name].keys():
            differing.append(f"{name} has the columns {', '.join(ours[name])}, not {', '.join(first[name])}")
            continue
        stable = [column for column, digest in first[name].items() if digest == second[name].get(column)]
        differing += [f"{name}.{column} differs" for column in stable if ours[name][column] != first[name][column]]
    return differing
