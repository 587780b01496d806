"""A dbt project's files on this machine, and the profile and flags that dbt gets with them."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from medallion.config.dbt import DbtSettings
from medallion.errors import Misconfigured
from medallion.protocol.project_archive import PROJECT_FILE, files_of, hash_contents, read_yaml

_LOGIN = {
    "host": "{{ env_var('PGHOST', 'localhost') }}",
    "port": "{{ env_var('PGPORT', '5432') | int }}",
    "user": "{{ env_var('PGUSER', 'warehouse') }}",
    "password": "{{ env_var('PGPASSWORD', '') }}",
    "dbname": "{{ env_var('PGDATABASE', 'warehouse') }}",
    "threads": "{{ env_var('MEDALLION_DBT_THREADS', '4') | int }}",
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "application_name": "{{ env_var('MEDALLION_APPLICATION', 'medallion dbt') }}",
}
_PARSE_LOGIN = {"host": "localhost", "port": 5432, "user": "dbt", "password": "", "dbname": "warehouse", "threads": 4}
"""Constants for parsing, which does not connect. dbt discards a kept parse if the host, user or database differs."""
_VARIABLE = re.compile(rb"env_var\(\s*['\"](\w+)['\"]")


@dataclass(frozen=True)
class Checkout:
    """A project's folder, and how a pipeline uses it."""

    folder: Path
    settings: DbtSettings = field(default_factory=DbtSettings)

    @cached_property
    def key(self) -> str:
        """What a parse of the project depends on besides dbt itself, as a digest."""
        variables: set[str] = set()

        def contents() -> Iterator[tuple[str, bytes]]:
            for name, path in files_of(self.folder):
                content = path.read_bytes()
                variables.update(found.decode() for found in _VARIABLE.findall(content))
                yield name, content

        files = hash_contents(contents())
        values = [(name, os.environ.get(name)) for name in sorted(variables)]
        settings = self.settings.model_dump(mode="json", exclude={"project"})
        text = json.dumps([files, settings, values], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    @property
    def name(self) -> str:
        """The project's own name."""
        return str(self._file.get("name"))

    def flags(self, target: Path, *, login: bool = True) -> list[str]:
        """Return the flags of every dbt command: quiet, as events come through callbacks, and nothing in the project.

        Args:
            target: A folder that may be written to; the profile is put there.
            login: Whether the command connects to the warehouse, as libpq's environment says.

        Raises:
            Misconfigured: There is no project.
        """
        return [
            *self.connection_flags(target, login=login),
            *("--vars", json.dumps(self.settings.vars, sort_keys=True)),
            *("--target-path", str(target), "--log-path", str(target), "--log-level", "none"),
            *("--log-level-file", "none", "--no-write-json", "--no-print", "--no-send-anonymous-usage-stats"),
        ]

    def connection_flags(self, target: Path, *, login: bool = True) -> list[str]:
        """Return the flags that say where the project and its profile are; see `flags`."""
        settings = self.settings
        profile = str(self._file.get("profile") or "medallion")
        output = {"type": "postgres", "schema": settings.target_schema, **(_LOGIN if login else _PARSE_LOGIN)}
        profiles = {profile: {"target": settings.target, "outputs": {settings.target: output}}}
        (target / "profiles.yml").write_text(json.dumps(profiles), encoding="utf-8")  # JSON is YAML
        return [
            *("--project-dir", str(self.folder), "--profiles-dir", str(target), "--profile", profile),
            *("--target", settings.target),
        ]

    @cached_property
    def _file(self) -> dict[str, Any]:
        path = self.folder / PROJECT_FILE
        if not path.is_file():
            raise Misconfigured(
                f"no dbt project in {self.folder}",
                "put it into the folder `dbt` of the DAG folder, or name its folder in the pipeline file: "
                "`dbt: {project: …}`",
            )
        content = read_yaml(path)
        return content if isinstance(content, dict) else {}
