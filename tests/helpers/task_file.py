"""The task document of a step, made from a short command line, as a file that the images' commands read."""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from medallion.config.yaml_loader import read

_FOLDER = tempfile.TemporaryDirectory(prefix="medallion-task-files-")
_NUMBERS = itertools.count(1)


def task_file(arguments: Sequence[str], contract: dict[str, Any] | str | None = None, source: Any = None) -> list[str]:
    """Write a task to a new file and return the arguments that name it to a command: `--file FILE`.

    Args:
        arguments: `--pipeline p --run-id one --step gold --layer gold …`.
        contract: For a cleaner: the contract, as data or YAML.
        source: For a cleaner without `--input`: the source, in its connector's terms.
    """
    file = Path(_FOLDER.name) / f"{next(_NUMBERS)}.json"
    file.write_text(json.dumps(task_of(arguments, contract, source)))
    return ["--file", str(file)]


def task_of(arguments: Sequence[str], contract: dict[str, Any] | str | None = None, source: Any = None) -> Any:
    """Return the task as data."""
    given = _parser().parse_args(list(arguments))
    task: dict[str, Any] = {"protocol": 1, "pipeline": given.pipeline, "run_id": given.run_id, "step": given.step}
    task |= {"needs": given.needs, "schema_prefix": given.schema_prefix, "commit": "test"}
    task |= {} if given.retention is None else {"retention": json.loads(given.retention)}
    task |= {} if given.tenant is None else {"tenant": given.tenant}
    if contract is not None:
        data = read(contract, "contract.yaml").data if isinstance(contract, str) else contract
        work: dict[str, Any] = {"kind": "clean", "contract": data, "landing": given.landing}
        work |= {"input": given.input} if given.input else {"source": source}
    elif given.phase == "freshness":
        work = {"kind": "freshness", "select": given.select}
    else:
        work = {"kind": "layer", "layer": given.layer, "select": given.select, "phase": given.phase}
        work |= {"layers": [word.split("=", 1) for word in given.layers], "models": given.models}
        work |= {
            "publish": given.publish,
            "on_test_failure": "warn" if given.no_gate else "stop",
            "full_refresh": given.full_refresh,
        }
    return {**task, "work": work}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    for name in ("pipeline", "run-id", "step"):
        parser.add_argument(f"--{name}", required=True)
    for name in ("input", "layer", "select", "tenant", "retention"):
        parser.add_argument(f"--{name}")
    for name in ("publish", "no-gate", "full-refresh"):
        parser.add_argument(f"--{name}", action="store_true")
    parser.add_argument("--needs", action="append", default=[])
    parser.add_argument("--layers", action="append", default=[])
    parser.add_argument("--models", default="")
    parser.add_argument("--schema-prefix", default="")
    parser.add_argument("--landing", default="")
    parser.add_argument("--phase", default="build")
    return parser
