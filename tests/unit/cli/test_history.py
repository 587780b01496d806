"""`medallion history` on narrow terminals."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from rich.console import Console

from medallion.cli import history
from medallion.warehouse.history import Run, Version


def test_show_history_keeps_run_ids_whole(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture):
    now = datetime.now(timezone.utc)
    run_id = "scheduled__2026-11-28T03:15:06.123456+00:00__0a1b2c3d"
    version = Version("gold", "gold", "gold__1a2b3c4d", ("agg_monthly_sales",), exists=True, seen=True)
    monkeypatch.setattr(history, "console", Console(width=80, highlight=False))
    history.show_history([Run(run_id, "succeeded", now, now, "a" * 40, whole=True, versions=(version,))])
    assert run_id in capsys.readouterr().out
