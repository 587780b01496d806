"""A Kubernetes API server of a page: it keeps a pod as it was made, and reports its end or refuses it, as the test sets."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

_KUBECONFIG = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "test",
    "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
    "users": [{"name": "test", "user": {}}],
}


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """A server that Kubernetes' client takes by default."""
    with serving() as made:
        place = {"server": f"http://127.0.0.1:{made.server.server_port}"}
        config = tmp_path / "kubeconfig"
        config.write_text(json.dumps({**_KUBECONFIG, "clusters": [{"name": "test", "cluster": place}]}))
        monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(config))
        monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
        yield made


@contextmanager
def serving() -> Iterator[Cluster]:
    """A server that answers while the context lasts."""
    made = Cluster()
    threading.Thread(target=made.server.serve_forever, daemon=True).start()
    yield made
    made.server.shutdown()
    made.server.server_close()


class Cluster:
    """Pods by name; `ended` is the state of the next pod's container, `deleted` the names of those that are gone.

    `refusal` is the answer to the next request for a pod, as a status of Kubernetes; None: it is made.
    """

    def __init__(self) -> None:
        self.pods: dict[str, Any] = {}
        self.made: list[Any] = []
        self.deleted: list[str] = []
        self.ended: dict[str, Any] = {}
        self.refusal: dict[str, Any] | None = None
        self.asked: list[Any] = []
        self.config_maps: dict[str, Any] = {}
        cluster = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                pod = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if self.path.partition("?")[0].endswith("/configmaps"):
                    self.give(*cluster.keep(pod))
                    return
                cluster.asked.append(pod)
                if cluster.refusal is not None:
                    self.give(cluster.refusal, cluster.refusal["code"])
                    return
                container = {"name": "step", "image": "", "imageID": "", "restartCount": 0, "ready": False}
                phase = "Succeeded" if cluster.ended.get("exitCode") == 0 else "Failed"
                state = {"terminated": cluster.ended}
                pod["status"] = {"phase": phase, "containerStatuses": [{**container, "state": state}]}
                cluster.pods[pod["metadata"]["name"]] = pod
                cluster.made.append(pod)
                self.give(pod, 201)

            def do_GET(self) -> None:
                place = self.path.partition("?")[0].split("/")
                if place[-1] == "configmaps":
                    self.give({"items": list(cluster.config_maps.values())})
                elif place[-2] == "configmaps":
                    found = cluster.config_maps.get(place[-1])
                    self.give(found or {"kind": "Status", "code": 404, "reason": "NotFound"}, 200 if found else 404)
                elif place[-1] == "events":
                    self.give({"items": []})
                elif place[-1] == "log":
                    self.give(b'2026-11-21T10:00:00.000Z {"event_type": "step_started"}\n')
                elif place[-1] == "pods":
                    self.give({"items": list(cluster.pods.values())})
                else:
                    self.give(cluster.pods[place[-1]])

            def do_DELETE(self) -> None:
                kind, name = self.path.partition("?")[0].split("/")[-2:]
                if kind == "configmaps":
                    self.give(cluster.config_maps.pop(name))
                    return
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

    def keep(self, made: Any) -> tuple[Any, int]:
        """What Kubernetes answers to a new ConfigMap: it keeps it, unless it has one of the name, or it is too large."""
        name = made["metadata"]["name"]
        if name in self.config_maps:
            return {"kind": "Status", "code": 409, "reason": "AlreadyExists"}, 409
        if sum(len(base64.b64decode(value)) for value in made["binaryData"].values()) > 1 << 20:
            return {
                "kind": "Status",
                "code": 422,
                "reason": "Invalid",
                "message": "Too long: may not be over 1 MiB",
            }, 422
        made["metadata"]["creationTimestamp"] = f"2026-01-01T00:00:{len(self.config_maps):02}Z"
        self.config_maps[name] = made
        return made, 201
