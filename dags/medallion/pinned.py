"""The whole plan of a run as one variable of every step, so that the first to start can pin it for all of them.

Compressed, because Linux takes no variable over 128 KiB.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping, Sequence
from typing import Any

VARIABLE = "MEDALLION_PLAN"


def entry(arguments: Sequence[str], environment: Mapping[str, str]) -> dict[str, Any]:
    """One step of a pinned plan. The run's id is left out: whoever reads it knows it."""
    kept = list(arguments)
    place = kept.index("--run-id")
    del kept[place : place + 2]
    return {"args": kept, "env": dict(environment)}


def arguments_of(entry: Mapping[str, Any], run_id: str) -> list[str]:
    """The command's arguments again."""
    return [*entry["args"], "--run-id", run_id]


def encode(plan: Mapping[str, Any]) -> str:
    """The variable's value; the same plan always gives the same text."""
    return base64.b64encode(gzip.compress(json.dumps(plan, sort_keys=True).encode(), mtime=0)).decode()


def decode(text: str | None) -> dict[str, Any]:
    """The plan; empty where there is none."""
    if not text:
        return {}
    plan: dict[str, Any] = json.loads(gzip.decompress(base64.b64decode(text)))
    return plan
