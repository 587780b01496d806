"""Structured events: JSON lines in a pod, readable lines on a terminal.

An event is a name and fields. `job_name`, `run_id`, `step`, and `tenant_id` and `connector_type` where there are such,
are bound once per process.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import datetime, timezone
from typing import Any, TextIO

_HIDDEN = (
    "ts",
    "level",
    "event_type",
    "message",
    "job_name",
    "run_id",
    "step",
    "tenant_id",
    "connector_type",
)


class EventLog:
    """Writes events to a stream, with fields bound for the life of the process.

    Args:
        stream: Where to write; standard output by default, so that `kubectl logs` shows it.
        style: "json" or "human"; `MEDALLION_LOG_FORMAT` or, failing that, human on a terminal only.
        bound: Fields that every event carries.
    """

    def __init__(self, stream: TextIO | None = None, style: str | None = None, **bound: Any) -> None:
        self._stream = stream or sys.stdout
        default = "human" if self._stream.isatty() else "json"
        self._style = style or os.environ.get("MEDALLION_LOG_FORMAT") or default
        self._bound = {key: value for key, value in bound.items() if value is not None}

    def event(self, event_type: str, message: str = "", level: str = "info", **fields: Any) -> None:
        """Write one event and flush, so that whoever follows the log sees it at once."""
        stamp = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        record = {
            "ts": stamp,
            "level": level,
            "event_type": event_type,
            "message": message,
            **self._bound,
            **fields,
        }
        line = json.dumps(record, default=str, ensure_ascii=False) if self._style == "json" else human(record)
        self._stream.write(line + "\n")
        self._stream.flush()


def human(record: dict[str, Any]) -> str:
    """Return one readable line for an event: time, step, message, and the fields that say more."""
    extra = " ".join(f"{key}={value}" for key, value in record.items() if key not in _HIDDEN and value is not None)
    mark = {"error": "✗ ", "warning": "! "}.get(str(record.get("level")), "")
    words = record.get("message") or record["event_type"]
    return f"{str(record['ts'])[11:19]} [{record.get('step', '-')}] {mark}{words}{'  ' + extra if extra else ''}"
