"""A Kubernetes API server of a page: it keeps a pod as it was made, and says that it ended, or refuses it, as told."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KUBECONFIG = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "test",
    "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
    "users": [{"name": "test", "user": {}}],
}


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
        cluster = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                pod = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
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
