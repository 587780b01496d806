"""Files that are meant for Medallion and that it does not read: by their suffix, name, folder or link."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from medallion.config.contract import Contract
from medallion.config.diagnostics import ConfigError, Diagnostic
from medallion.config.folder import DagFolder
from medallion.config.job import Job
from medallion.config.load_job import jobs_folder
from medallion.config.yaml_loader import at, load

_FOLDERS = ("pipelines", "contracts", "jobs")
_SKIPPED = frozenset({"__pycache__", "node_modules", "target", "dbt_packages", "site-packages", "medallion"})
_YAML = re.compile(r"\.(yaml|yml|json)(\.(txt|j2|jinja|tmpl))?\s*$", re.IGNORECASE)
_RUNNER = re.compile(r"runner", re.IGNORECASE)
_KINDS = {
    "runner file": (("runner",),),
    "job": (("tenant", "connector"), ("connector", "contract")),
    "contract": (("table", "fields"),),
    "pipeline": (("name", "sources"), ("sources", "layers"), ("name", "owner", "layers"), ("name", "owner", "steps")),
}
"""Keys at the top of a file by which its kind is known."""
_TOP_KEY = re.compile(r"""^["']?([A-Za-z_]+)["']?\s*:""", re.MULTILINE)
_JSON_KEY = re.compile(r'"([A-Za-z_]+)"\s*:')
_HOMES = {"job": "jobs/<tenant>/", "contract": "contracts/", "pipeline": "pipelines/"}
_MOST_BYTES = 1_000_000


def ignored(folder: DagFolder) -> Iterator[Diagnostic]:
    """Yield an error for each file that looks like one of Medallion's and is not read."""
    read = {
        *(pipeline.path for pipeline in folder.pipelines),
        *folder.contract_files,
        *folder.job_files,
        *(runner.path for runner in folder.runners),
    }
    for path in _files(folder.path):
        if path in read or path.name.startswith("."):
            continue
        home = path.relative_to(folder.path).parts[0]
        if home in _FOLDERS and len(path.relative_to(folder.path).parts) > 1:
            yield from _in_home(path, folder.path / home)
        elif _YAML.search(path.name) and (kind := _kind(path)):
            yield _ignored(path, _remedy(path, kind))


def homeless(folder: DagFolder) -> Iterator[Diagnostic]:
    """Yield a warning for each job that lies in no tenant's folder, and each contract of another name than its file."""
    for path, job in folder.jobs.items():
        if isinstance(job, Job) and path.parent == jobs_folder(folder.path):
            remedy = f"move it to jobs/{job.tenant}/, so that who may write a folder is who owns its jobs"
            yield Diagnostic(str(path), 1, 1, "tenant", "the job is in no tenant's folder", remedy, "warning")
    for path in folder.contract_files:
        try:
            name = load(path, Contract).name
        except ConfigError:
            continue
        if name != path.stem:
            yield at(path, ("name",), f"the file is {path.name}", f"write `name: {path.stem}`", "warning")


def _in_home(path: Path, home: Path) -> Iterator[Diagnostic]:
    """What is wrong with a file of `pipelines/`, `contracts/` or `jobs/` that is not read, if it may be one of ours."""
    if not _YAML.search(path.name):
        if path.is_symlink() and not path.exists():
            yield _ignored(path, "correct the link, or remove it")
        return
    name = f"{_YAML.sub('', path.name)}.yaml"
    where = path.parent if home.name == "jobs" else home
    yield _ignored(path, f"rename it to {where / name}" if path.parent == where else f"move it to {where / name}")


def _remedy(path: Path, kind: str) -> str:
    name = f"{_YAML.sub('', path.name)}.yaml"
    if kind != "runner file":
        return f"move this {kind} to {_HOMES[kind]}{name}"
    named = name.lower() if _RUNNER.match(name) else f"runner-{name}"
    return f"write this runner file as {named} at the top of the DAG folder"


def _ignored(path: Path, remedy: str) -> Diagnostic:
    return Diagnostic(str(path), 1, 1, "", "is not read", remedy)


def _kind(path: Path) -> str | None:
    """What kind of file it looks like by its name or by the keys at its top, if by any."""
    if _RUNNER.match(path.name):
        return "runner file"
    try:
        if path.stat().st_size > _MOST_BYTES:
            return None
        text = path.read_text("utf-8", "replace")
    except OSError:
        return None
    is_flow = text.lstrip("\ufeff \r\n\t").startswith("{")
    keys = set((_JSON_KEY if is_flow else _TOP_KEY).findall(text))
    return next((kind for kind, sets in _KINDS.items() if any(keys.issuperset(wanted) for wanted in sets)), None)


def _files(top: Path) -> Iterator[Path]:
    """The files below a folder, through links to folders too, each folder once."""
    seen: set[Path] = set()
    for folder, below, names in os.walk(top, followlinks=True):
        real = Path(folder).resolve()
        inside = real in seen or (Path(folder) != top and (Path(folder) / "pipelines").is_dir())
        seen.add(real)
        below[:] = [] if inside else sorted(name for name in below if name not in _SKIPPED and not name.startswith("."))
        yield from (Path(folder) / name for name in sorted(names) if not inside)
