"""Alerts sent for real: to an SMTP server and to HTTP endpoints of this machine."""

from __future__ import annotations

import json
import logging
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from alert_examples import ALERTS
from medallion.alerts import send
from medallion.samples.customer_transactions import write_sample

REPO = Path(__file__).resolve().parents[2]


class Mailbox:
    """What an SMTP server received."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        self.messages.append(message_from_bytes(envelope.content))
        return "250 OK"


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, str]]:
    box = Mailbox()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    yield box, f"mailto://127.0.0.1:{port}?from=medallion@example.com&to=team@example.com&mode=insecure"
    controller.stop()


@pytest.fixture
def endpoint() -> Iterator[tuple[list[dict[str, Any]], str]]:
    received: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append(json.loads(body))
            self.send_response(500 if self.path.startswith("/broken") else 200)
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield received, f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_an_e_mail_has_a_subject_a_plain_part_and_an_html_part(
    mailbox: tuple[Mailbox, str], monkeypatch: pytest.MonkeyPatch
):
    box, url = mailbox
    monkeypatch.setenv("MEDALLION_ALERT_MAIL", url)
    send(ALERTS["failure"], ["mail"])
    (mail,) = box.messages
    assert ALERTS["failure"].title in str(mail["Subject"])
    parts = {
        part.get_content_type(): part.get_payload(decode=True).decode()
        for part in mail.walk()
        if not part.is_multipart()
    }
    assert set(parts) == {"text/plain", "text/html"}
    assert "&lt;1&gt; &amp;" in parts["text/html"]
    for words in ("fact_amounts_are_price_times_quantity", "TXN-0042"):
        assert all(words in part for part in parts.values())


def test_a_webhook_gets_the_alert_as_json(endpoint: tuple[list[dict[str, Any]], str], monkeypatch: pytest.MonkeyPatch):
    received, host = endpoint
    monkeypatch.setenv("MEDALLION_ALERT_HOOK", f"json://{host}/alerts")
    send(ALERTS["deadline"], ["hook"])
    (post,) = received
    assert (post["title"], post["type"]) == (ALERTS["deadline"].title, "warning")
    assert "it goes on" in post["message"]


def test_slack_gets_markdown(endpoint: tuple[list[dict[str, Any]], str], monkeypatch: pytest.MonkeyPatch):
    from apprise.plugins.slack import NotifySlack

    received, host = endpoint
    monkeypatch.setattr(NotifySlack, "webhook_url", f"http://{host}/services")
    monkeypatch.setenv("MEDALLION_ALERT_SLACK", "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/")
    send(ALERTS["failure"], ["slack"])
    (post,) = received
    assert "`fact_amounts_are_price_times_quantity`" in json.dumps(post)


def test_failing_channel_logs_no_secret_and_others_get_the_alert(
    endpoint: tuple[list[dict[str, Any]], str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    received, host = endpoint
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("MEDALLION_ALERT_BROKEN", f"json://user:verysecret@{host}/broken")
    monkeypatch.setenv("MEDALLION_ALERT_NONSENSE", "nonsense://verysecret")
    monkeypatch.setenv("MEDALLION_ALERT_GOOD", f"json://{host}/good")
    send(ALERTS["recovery"], ["broken", "nonsense", "absent", "good", "log"])
    assert [post["type"] for post in received] == ["success", "success"]
    warnings = [r.getMessage() for r in caplog.records if r.name == "medallion.alerts" and r.levelname == "WARNING"]
    assert [words.split()[2] for words in warnings] == ["broken", "nonsense", "absent"]
    assert "verysecret" not in caplog.text


def test_a_local_run_alerts_on_failure_and_on_recovery(
    endpoint: tuple[list[dict[str, Any]], str], warehouse_url: str, tmp_path: Path
):
    received, host = endpoint
    dags, name = tmp_path / "dags", "pipeline_customer_transaction"
    for folder in ("contracts", "dbt"):
        shutil.copytree(REPO / "dags" / folder, dags / folder)
    text = (REPO / "dags" / "pipelines" / f"{name}.yaml").read_text()
    (dags / "pipelines").mkdir()
    (dags / "pipelines" / f"{name}.yaml").write_text(f"{text}\nalerts: {{channels: [log, hook]}}\n")
    write_sample(tmp_path / "good.csv", rows=300)
    (tmp_path / "bad.csv").write_text("transaction_id\nT1\n")
    variables = {**os.environ, "MEDALLION_ALERT_HOOK": f"json://{host}/", "MEDALLION_HOME": str(tmp_path)}
    for file in ("bad.csv", "good.csv"):
        command = [sys.executable, "-m", "medallion.cli", "run", name, "--input", str(tmp_path / file)]
        command += ["--warehouse", warehouse_url, "--dags", str(dags)]
        subprocess.run(command, env=variables, capture_output=True, cwd=REPO, timeout=300)
    assert [(post["title"], post["type"]) for post in received] == [
        (f"{name} failed at clean.transactions", "failure"),
        (f"{name} recovered", "success"),
    ]
    assert "column 'customer_id' is missing" in received[0]["message"]
