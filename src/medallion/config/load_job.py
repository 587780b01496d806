"""The job files of a DAG folder, `jobs/<tenant>/<job>.yaml`, and the contracts that they name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from medallion.config.contract import Contract
from medallion.config.diagnostics import ConfigError
from medallion.config.job import Job
from medallion.config.sources import check_key
from medallion.config.yaml_loader import at, load


def jobs_folder(dags: Path) -> Path:
    """Return the folder that job files are below: `MEDALLION_JOBS`, or `jobs` in the DAG folder."""
    return Path(os.environ.get("MEDALLION_JOBS") or dags / "jobs")


def job_files(dags: Path) -> list[Path]:
    """Return every job file of a DAG folder, by path; through links to folders too, each folder once."""
    found: list[Path] = []
    seen: set[Path] = set()
    for folder, below, names in os.walk(jobs_folder(dags), followlinks=True):
        real = Path(folder).resolve()
        if real in seen:  # a link to a folder above
            below.clear()
            continue
        seen.add(real)
        found += (Path(folder) / name for name in names if name.endswith((".yaml", ".yml")))
    return sorted(found)


@dataclass
class JobFiles:
    """Job files and contracts, each read once, however many schedules use it."""

    dags: Path
    _read: dict[Path, Any] = field(default_factory=dict)

    def job(self, path: Path) -> tuple[Job, Mapping[str, Contract]]:
        """Return a job and its contract.

        Raises:
            ConfigError: Either is missing or wrong, or the job is in another tenant's folder.
        """
        job: Job = self._load(path, Job)
        folder = path.relative_to(jobs_folder(self.dags)).parts[0]
        if folder not in (job.tenant, path.name):
            message = f"the tenant is {job.tenant!r}, and the file is in the folder of {folder!r}"
            remedy = f"move it to jobs/{job.tenant}/, so that who may write a folder is who owns its jobs"
            raise ConfigError([at(path, ("tenant",), message, remedy)])
        contract: Contract = self._load(self.dags / "contracts" / f"{job.contract}.yaml", Contract)
        if job.target.table is not None:
            contract = contract.model_copy(update={"table": job.target.table})
        if wrong := check_key(job.source, contract):
            raise ConfigError([at(path, ("source", "incremental"), *wrong)])
        return job, {job.contract: contract}

    def _load(self, path: Path, model: Any) -> Any:
        if path not in self._read:
            try:
                self._read[path] = load(path, model)
            except ConfigError as error:
                self._read[path] = error
        if isinstance(found := self._read[path], ConfigError):
            raise found
        return found
