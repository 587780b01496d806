"""When a source was delivered: what freshness is judged by, whatever the connector."""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import urllib3

from medallion.config.sources.csv import CsvSettings
from medallion.config.sources.http.reader import Download
from medallion.config.sources.stream import Inputs

THEN = datetime(2025, 3, 1, 12, 30, tzinfo=timezone.utc)


def download(**headers: str) -> Download:
    return Download(
        "x.csv", None, "host", urllib3.HTTPResponse(headers={k.replace("_", "-"): v for k, v in headers.items()})
    )


def test_delivered_at_of_several_files_is_the_newest(tmp_path: Path):
    for days, name in enumerate(("new", "old", "older")):
        (tmp_path / f"{name}.csv").write_text("id\n1\n")
        written = (THEN - timedelta(days=days)).timestamp()
        os.utime(tmp_path / f"{name}.csv", (written, written))
    settings = CsvSettings(path="*.csv")
    with settings.open_inputs(tmp_path, {}) as inputs:
        assert inputs.delivered_at == THEN


def test_a_download_was_delivered_when_the_server_says():
    assert Inputs("x", [download(Last_Modified="Sat, 01 Mar 2025 12:30:00 GMT")]).delivered_at == THEN


@pytest.mark.parametrize("headers", [{}, {"Last_Modified": "yesterday"}])
def test_what_says_nothing_of_its_age_is_there_as_it_is_read(headers: dict[str, str]):
    before = datetime.now(timezone.utc)
    assert before <= Inputs("x", [download(**headers)]).delivered_at <= datetime.now(timezone.utc)
