"""Dagster's steps as pods: what is asked of Kubernetes, and what is believed of its answers.

The API server is one of a page: it keeps a pod as it was made, and tells that it ended as the test says.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from medallion import wire
from medallion.last_words import LastWords
from medallion.plan import RunContext, make_plan
from medallion.spec.entries import load_runners
from runner_folder import schedule, write

dagster = pytest.importorskip("dagster")
pytestmark = pytest.mark.filterwarnings("ignore")

from medallion.runners.dagster import pods
from medallion.runners.dagster.job import RUN_ID, job_of

KUBECONFIG = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "test",
    "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
    "users": [{"name": "test", "user": {}}],
}


class Cluster:
    """Pods by name; `ended` is the state of the next pod's container, `deleted` the names of those that are gone."""

    def __init__(self) -> None:
        self.pods: dict[str, Any] = {}
        self.made: list[Any] = []
        self.deleted: list[str] = []
        self.ended: dict[str, Any] = {}
        cluster = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                pod = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                container = {"name": "step", "image": "", "imageID": "", "restartCount": 0, "ready": False}
                phase = "Succeeded" if cluster.ended.get("exitCode") == 0 else "Failed"
                state = {"terminated": cluster.ended}
                pod["status"] = {"phase": phase, "containerStatuses": [{**container, "state": state}]}
                cluster.pods[pod["metadata"]["name"]] = pod
                cluster.made.append(pod)
                self.give(pod, 201)

            def do_GET(self) -> None:
                place = self.path.partition("?")[0].split("/")
                if place[-1] == "log":
                    self.give(b'2026-11-21T10:00:00.000Z {"event_type": "step_started"}\n')
                elif place[-1] == "pods":
                    self.give({"items": list(cluster.pods.values())})
                else:
                    self.give(cluster.pods[place[-1]])

            def do_DELETE(self) -> None:
                name = self.path.partition("?")[0].split("/")[-1]
                cluster.deleted.append(name)
                self.give(cluster.pods.pop(name))

            def give(self, body: Any, status: int = 200) -> None:
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "text/plain" if isinstance(body, bytes) else "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *arguments: object) -> None:
                """Tests have no use for an access log."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    made = Cluster()
    threading.Thread(target=made.server.serve_forever, daemon=True).start()
    place = {"server": f"http://127.0.0.1:{made.server.server_port}"}
    config = tmp_path / "kubeconfig"
    config.write_text(json.dumps({**KUBECONFIG, "clusters": [{"name": "test", "cluster": place}]}))
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(config))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    yield made
    made.server.shutdown()
    made.server.server_close()


def run(tmp_path: Path) -> Any:
    dags = write(tmp_path / "dags", schedule("hourly", "acme/orders"), "acme/orders")
    ((entry,),) = (runner.entries for runner in load_runners(dags))
    assert entry.file is not None
    retry = entry.file.pipeline.retry_config.model_copy(update={"initial_delay_seconds": 0})
    pipeline = entry.file.pipeline.model_copy(update={"retry_config": retry})
    plan = make_plan(pipeline, entry.file.contracts, RunContext(RUN_ID, "/landing", "abc"))
    return job_of(plan, pods.run_pod).execute_in_process(raise_on_error=False)


def test_a_step_is_a_pod_that_is_believed_by_its_last_words_and_then_deleted(cluster: Cluster, tmp_path: Path):
    said = LastWords("succeeded", 0, "2 rows").to_json()
    cluster.ended = {"exitCode": 0, "reason": "Completed", "message": said}
    done = run(tmp_path)
    assert done.success
    (pod,) = cluster.made
    assert pod["metadata"]["labels"]["medallion/pipeline"] == "hourly"
    task = wire.received([], "step", {one["name"]: one["value"] for one in pod["spec"]["containers"][0]["env"]})
    assert task.run_id == f"dagster__{done.run_id}"
    assert cluster.deleted == [pod["metadata"]["name"]]


def test_a_pod_that_ended_well_and_said_nothing_is_no_success(cluster: Cluster, tmp_path: Path):
    cluster.ended = {"exitCode": 0, "reason": "Completed", "message": ""}
    assert not run(tmp_path).success


@pytest.mark.parametrize(("code", "attempts"), [(75, 2), (81, 1)])
def test_the_pods_exit_code_decides_about_another_attempt(cluster: Cluster, tmp_path: Path, code: int, attempts: int):
    said = LastWords("failed", code, "it failed", "mend it").to_json()
    cluster.ended = {"exitCode": code, "reason": "Error", "message": said}
    done = run(tmp_path)
    assert not done.success
    assert len(cluster.made) == len(cluster.deleted) == attempts
    failure = next(event for event in done.all_events if event.event_type_value == "STEP_FAILURE")
    assert "it failed" in failure.event_specific_data.error_display_string
