"""Servers that connectors read from, real ones, for as long as a test."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

Answer = Callable[[BaseHTTPRequestHandler], None]


class Web:
    """A web server whose answers a test writes, by path. `requests` are those it has seen."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.default = answer(404)
        self.requests: list[BaseHTTPRequestHandler] = []
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                web.requests.append(self)
                web.answers.get(self.path, web.default)(self)

            def log_message(self, *arguments: object) -> None:
                """Tests have no use for an access log."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


def answer(status: int, body: bytes = b"", *, promised: int | None = None, **headers: str) -> Answer:
    """An answer; `promised` is its length as it is announced, where that is a lie."""

    def give(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.send_header("Content-Length", str(len(body) if promised is None else promised))
        request.end_headers()
        request.wfile.write(body)

    return give


def in_turn(*answers: Answer) -> Answer:
    """One answer after the other; the last stays."""
    left = list(answers)
    return lambda request: (left.pop(0) if len(left) > 1 else left[0])(request)


@contextmanager
def web_server() -> Iterator[Web]:
    """A web server on a free port."""
    web = Web()
    thread = threading.Thread(target=web.server.serve_forever, daemon=True)
    thread.start()
    try:
        yield web
    finally:
        web.server.shutdown()
        web.server.server_close()


@contextmanager
def s3_server(address: str = "127.0.0.1") -> Iterator[tuple[str, Any]]:
    """A storage that speaks S3, with the bucket `lake`; yields its URL and a client."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address=address, port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    client = boto3.client(
        "s3", endpoint_url=url, aws_access_key_id="key", aws_secret_access_key="hush", region_name="us-east-1"
    )
    client.create_bucket(Bucket="lake")
    try:
        yield url, client
    finally:
        server.stop()


PassOn = Callable[[str, str, bytes], bytes]


@contextmanager
def on_the_way_to(url: str, change: PassOn) -> Iterator[str]:
    """A way to a server that a test stands in: each request is passed on with the body that `change` makes of it.

    `change` gets method, path and body. Yields the way's URL.
    """
    there = urlsplit(url)

    class Handler(BaseHTTPRequestHandler):
        def pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name: value for name, value in self.headers.items() if name.lower() != "content-length"}
            connection = http.client.HTTPConnection(there.hostname or "", there.port)
            connection.request(self.command, self.path, change(self.command, self.path, body), headers)
            response = connection.getresponse()
            content = response.read()
            self.send_response(response.status)
            for name, value in response.getheaders():
                if name.lower() not in ("connection", "content-length", "date", "server"):
                    self.send_header(name, value)
            self.send_header("Content-Length", response.getheader("Content-Length") or str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def __getattr__(self, name: str) -> Callable[[], None]:
            if name.startswith("do_"):
                return self.pass_on
            raise AttributeError(name)

        def log_message(self, *arguments: object) -> None:
            """Tests have no use for an access log."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
