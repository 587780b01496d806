"""`medallion query`: what a reader sees, and no writes."""

from __future__ import annotations

from pathlib import Path

import psycopg

from command_line import good, medallion
from medallion.errors import ExitCode


def test_query_prints_rows_and_refuses_to_write(tmp_path: Path, warehouse_url: str):
    with psycopg.connect(warehouse_url, autocommit=True) as connection:
        connection.execute("create table sold (id int, note text)")
        connection.execute("insert into sold values (7, 'pear'), (8, null)")
    rows = [line.split() for line in good(tmp_path, "query", "table sold", "--warehouse", warehouse_url).splitlines()]
    assert ["7", "pear"] in rows
    brackets = good(tmp_path, "query", "select '[/b]' as value", "--warehouse", warehouse_url)
    assert "[/b]" in brackets
    refused = medallion(tmp_path, "query", "delete from sold", "--warehouse", warehouse_url)
    assert refused.returncode == ExitCode.USAGE
    assert "only reads" in refused.stderr
    wrong = medallion(tmp_path, "query", "selec", "--warehouse", warehouse_url)
    assert wrong.returncode == ExitCode.USAGE
    assert 'syntax error at or near "selec"' in wrong.stderr
    with psycopg.connect(warehouse_url) as connection:
        assert connection.execute("select count(*) from sold").fetchone() == (2,)
