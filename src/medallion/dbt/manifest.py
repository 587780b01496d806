"""dbt's parse of a project, kept by its content: an unchanged project is parsed once, a changed one only in part."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from dbt.cli.main import dbtRunner
from dbt.constants import PARTIAL_PARSE_FILE_NAME
from dbt.contracts.graph.manifest import Manifest
from dbt.parser.manifest import extended_mashumuro_decoder
from dbt.version import __version__ as dbt_version

from medallion.dbt.checkout import Checkout
from medallion.errors import ModelFailed
from medallion.protocol.project_archive import packages_folder
from medallion.warehouse.projects import KEPT_PARSES


@dataclass(frozen=True)
class Parsed:
    """A manifest, and how many files dbt parsed for it: none where an earlier parse was kept."""

    manifest: Manifest
    files: int


class Store(Protocol):
    """Where the parses of one pipeline are kept, as dbt's own partial-parse files."""

    def get(self, key: str) -> bytes | None:
        """Return the parse of that key."""

    def latest(self) -> bytes | None:
        """Return the newest parse, whatever its key."""

    def put(self, key: str, parse: bytes) -> None:
        """Keep a parse."""


def load_manifest(checkout: Checkout, store: Store) -> Parsed:
    """Return a project's manifest: the one that is kept if it is of these very files and settings, else a fresh parse.

    Raises:
        Misconfigured: There is no project.
        ModelFailed: It does not parse.
    """
    key = f"{dbt_version}-{checkout.key}"
    kept, files = store.get(key), 0
    if kept is None:
        kept, files = _parse(checkout, store.latest())
        store.put(key, kept)
    manifest: Manifest = Manifest.from_msgpack(kept, decoder=extended_mashumuro_decoder)
    _move(manifest, checkout.folder)
    return Parsed(manifest, files)


def _parse(checkout: Checkout, last: bytes | None) -> tuple[bytes, int]:
    """Return a parse that goes on from the last one, and how many files it read."""
    with tempfile.TemporaryDirectory(prefix="medallion-dbt-") as folder:
        target = Path(folder)
        file = target / PARTIAL_PARSE_FILE_NAME
        if last is not None:
            file.write_bytes(last)
        outcome = dbtRunner().invoke(["parse", *checkout.flags(target, login=False), "--partial-parse"])
        if outcome.exception is not None:
            what = f"the dbt project does not parse: {str(outcome.exception).strip()}"
            raise ModelFailed(what, "correct the project") from outcome.exception
        counts = json.loads((target / "perf_info.json").read_text(encoding="utf-8"))
        return file.read_bytes(), counts["parsed_path_count"]


def _move(manifest: Manifest, folder: Path) -> None:
    """Set where seeds are now: dbt looks for their files where they were parsed."""
    inside = packages_folder(folder)
    for node in manifest.nodes.values():
        if getattr(node, "root_path", None):
            own = node.package_name == manifest.metadata.project_name
            _, found, package = ("", "", "") if own else node.root_path.rpartition(f"/{inside}/")
            node.root_path = str(folder / inside / package if found else folder)


class FolderStore:
    """Parses as files: on a laptop, and in an image that has its project baked in.

    Args:
        checkout: Whose parses; another project of the same name has others.
        folder: By default `MEDALLION_DBT_BAKED`, or a folder of the working directory.
    """

    def __init__(self, checkout: Checkout, folder: Path | None = None) -> None:
        self._folder = folder or Path(os.environ.get("MEDALLION_DBT_BAKED") or Path.cwd() / ".medallion" / "dbt")
        self._scope = hashlib.sha256(str(checkout.folder.resolve()).encode()).hexdigest()[:8]

    def get(self, key: str) -> bytes | None:
        """Return the parse of that key."""
        found = [*self._folder.glob(f"*.{key}.msgpack")]
        return found[0].read_bytes() if found else None

    def latest(self) -> bytes | None:
        """Return the project's newest parse, whatever its key."""
        kept = self._kept()
        return kept[-1].read_bytes() if kept else None

    def put(self, key: str, parse: bytes) -> None:
        """Keep a parse, and remove the project's oldest."""
        path = self._folder / f"{self._scope}.{key}.msgpack"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            fresh = path.with_suffix(f".{os.getpid()}")
            fresh.write_bytes(parse)
            fresh.replace(path)
            for old in self._kept()[:-KEPT_PARSES]:
                old.unlink(missing_ok=True)
        except OSError:
            return  # a read-only place: the next command parses too, and says so

    def _kept(self) -> list[Path]:
        return sorted(self._folder.glob(f"{self._scope}.*.msgpack"), key=lambda path: path.stat().st_mtime_ns)
