"""The log of a step's pod as a file of its task's log: Airflow's UI shows all files of an attempt as one, by time.

A trigger's own logger is for a few lines only: thousands of them hold up the triggerer's heartbeat.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from airflow.sdk.configuration import conf
from airflow.utils.helpers import log_filename_template_renderer

from medallion.orchestrators.kubernetes.pod_log import Line

_TAIL_BYTES = 64 * 1024


class TaskLog:
    """The lines of a pod, next to the other log files of an attempt.

    Args:
        ti: The task instance, as a trigger has it.
    """

    def __init__(self, ti: Any) -> None:
        name = log_filename_template_renderer()(ti=ti, try_number=ti.try_number)
        self._path = Path(conf.get("logging", "base_log_folder")) / f"{name}.pod.log"

    async def last(self) -> str:
        """Return the time of the last line, or nothing."""
        return await asyncio.to_thread(self._last)

    async def keep(self, lines: list[Line]) -> None:
        """Append lines."""
        text = "".join(
            json.dumps({"timestamp": f"{line.written}Z", "level": "info", "event": line.text, "logger": "step"}) + "\n"
            for line in lines
        )
        await asyncio.to_thread(self._append, text)

    def _append(self, text: str) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(text)

    def _last(self) -> str:
        try:
            with self._path.open("rb") as file:
                file.seek(0, 2)
                file.seek(max(0, file.tell() - _TAIL_BYTES))
                tail = file.read().splitlines()
        except FileNotFoundError:
            return ""
        for line in reversed(tail):
            try:
                return str(json.loads(line)["timestamp"]).removesuffix("Z")
            except (ValueError, KeyError):
                continue
        return ""
