"""`make up` without its cluster: the files that it delivers, and the run that it waits for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from medallion.config.load_pipeline import load_pipeline, pipeline_files
from medallion.config.sources.csv import CsvSettings

REPO = Path(__file__).resolve().parents[2]
DELIVER = """
kube() { true; }  # the claim is there
k8s/upload.sh() { cp -r "$1/." "$LANDING/$2"; }
. <(sed -n '/^deliver() {/,/^}/p' k8s/up.sh)
deliver
"""
NOW = datetime.now(timezone.utc)


def test_make_up_delivers_files_of_all_pipelines(tmp_path: Path):
    landing, work = tmp_path / "landing", tmp_path / "work"
    landing.mkdir()
    variables = {
        **os.environ,
        "K8S": "k8s",
        "SOURCE": str(REPO),
        "SAMPLE_ROWS": "200",
        "work": str(work),
        "LANDING": str(landing),
    }
    command = ["bash", "-euo", "pipefail", "-c", DELIVER]
    done = subprocess.run(command, cwd=REPO, env=variables, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    sources = [one for path in pipeline_files(REPO / "dags") for one in load_pipeline(path).pipeline.sources]
    paths = [source.path for source in sources if isinstance(source, CsvSettings)]
    assert len(paths) > 15
    assert [path for path in paths if not (landing / path).is_file()] == []


class Api(ThreadingHTTPServer):
    """Airflow's REST API with one DAG, as far as trigger.py calls it."""

    def __init__(self, paused: bool, due: datetime, runs: list[dict[str, Any]]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.dag = {"is_paused": paused, "next_dagrun_run_after": due.isoformat()}
        self.runs = runs
        self.stale = 0
        """How many answers more say that the DAG's file is not parsed yet."""


class Handler(BaseHTTPRequestHandler):
    server: Api

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        if path.endswith("/dagRuns"):
            self._answer({"dag_runs": self.server.runs})
        elif path.endswith("/taskInstances"):
            self._answer({"task_instances": []})
        elif "/dagRuns/" in path:
            self._answer({"state": "success"})
        else:
            self._answer({**self.server.dag, "is_stale": self.server.stale > 0})
            self.server.stale -= 1

    def do_PATCH(self) -> None:
        self._answer({})

    def do_POST(self) -> None:
        there = self.server.stale < 0 or self.path.endswith("/token")
        self._answer({"access_token": "t", "dag_run_id": "triggered"}, 200 if there else 404)

    def _answer(self, body: dict[str, Any], code: int = 200) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(code)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def api(request: pytest.FixtureRequest) -> Iterator[Api]:
    server = Api(*request.param)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(10)


def run(state: str) -> dict[str, str]:
    return {"dag_run_id": f"scheduled-{state}", "run_after": NOW.isoformat(), "state": state}


LATER = NOW + timedelta(days=1)


@pytest.mark.parametrize(
    ("api", "options", "followed"),
    [
        ((False, LATER, [run("running")]), ["--join"], "scheduled-running"),
        ((False, LATER, [run("running")]), [], "triggered"),
        ((False, LATER, [run("success")]), ["--join"], "triggered"),
        ((True, NOW, [run("queued")]), [], "scheduled-queued"),
    ],
    indirect=["api"],
)
def test_trigger_joins_only_the_run_that_it_should(api: Api, options: list[str], followed: str):
    assert trigger(api, *options).endswith(f"success: {followed}")


@pytest.mark.parametrize("api", [(False, LATER, [])], indirect=True)
def test_trigger_waits_for_a_file_that_is_back_to_be_parsed(api: Api):
    api.stale = 2
    assert trigger(api).endswith("success: triggered")


def trigger(api: Api, *options: str) -> str:
    command = [sys.executable, REPO / "k8s" / "trigger.py", f"http://127.0.0.1:{api.server_port}", "x", *options]
    variables = {**os.environ, "AIRFLOW_USER": "u", "AIRFLOW_PASSWORD": "p"}
    done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("words", [["history", "x"], ["rejects", "x"], ["replay", "x"], ["rollback", "x"]])
def test_no_cluster_is_an_error_and_no_other_warehouse(tmp_path: Path, words: list[str]):
    """Without the cluster's login, the command would answer from this machine's own warehouse."""
    (tmp_path / "kubectl").write_text("#!/bin/sh\necho no such context >&2\nexit 1\n")
    (tmp_path / "kubectl").chmod(0o755)
    variables = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(
        [REPO / "k8s" / "medallion.sh", *words], env=variables, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "no such context" in done.stderr
