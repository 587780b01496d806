"""dbt's parsed project, baked once and loaded by every layer command.

dbt parses again whenever host, port, user, database or schema differ from the last parse. None of them is in
the manifest but the database and the schemas, and those `relocate` sets.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest
from dbt.parser.manifest import extended_mashumaro_encoder, extended_mashumuro_decoder
from dbt.version import __version__ as dbt_version

from medallion.config.places import dbt_project
from medallion.errors import Misconfigured, ModelFailed

PROJECT = dbt_project()
"""The dbt project: the image's own, or that of the nearest DAG folder."""


@dataclass(frozen=True)
class Parsed:
    """A manifest, and where it came from."""

    manifest: Manifest
    source: Literal["baked", "full"]


def load_manifest(project: Path = PROJECT) -> Parsed:
    """Return the project's manifest: the baked one if it is of these very files, else a fresh parse.

    Raises:
        ModelFailed: The project does not parse.
    """
    baked = _baked(project)
    if baked.is_file():
        return Parsed(Manifest.from_msgpack(baked.read_bytes(), decoder=extended_mashumuro_decoder), "baked")
    manifest = parse(project)
    _keep(manifest, baked)
    return Parsed(manifest, "full")


def parse(project: Path = PROJECT) -> Manifest:
    """Parse the whole project; needs no database.

    Raises:
        Misconfigured: There is no project.
        ModelFailed: It does not parse.
    """
    if not (project / "dbt_project.yml").is_file():
        raise Misconfigured(
            f"no dbt project in {project}",
            "put it into the folder `dbt` of the DAG folder, or set MEDALLION_DBT_PROJECT",
        )
    with tempfile.TemporaryDirectory(prefix="medallion-dbt-") as target:
        outcome = dbtRunner().invoke(["parse", *common_flags(project, Path(target)), "--no-partial-parse"])
    if outcome.exception is not None:
        what = f"the dbt project does not parse: {str(outcome.exception).strip()}"
        raise ModelFailed(what, "correct the project and rebuild the image") from outcome.exception
    assert isinstance(outcome.result, Manifest)
    return outcome.result


def bake(project: Path = PROJECT) -> Path:
    """Parse the project and keep the manifest where `load_manifest` looks for it."""
    baked = _baked(project)
    baked.parent.mkdir(parents=True, exist_ok=True)
    for old in baked.parent.glob("manifest-*.msgpack"):
        old.unlink()
    baked.write_bytes(_packed(parse(project)))
    return baked


def common_flags(project: Path, target: Path) -> list[str]:
    """Flags of every dbt command: quiet (events come through callbacks), and nothing written to the project."""
    source, written = str(project), str(target)
    folders = ["--project-dir", source, "--profiles-dir", source, "--target-path", written, "--log-path", written]
    return [*folders, "--log-level", "none", "--log-level-file", "none", "--no-write-json", "--no-print"]


def _baked(project: Path) -> Path:
    folder = os.environ.get("MEDALLION_DBT_BAKED") or Path.cwd() / ".medallion" / "dbt"
    return Path(folder) / f"manifest-{_fingerprint(project)}.msgpack"


def _keep(manifest: Manifest, baked: Path) -> None:
    try:
        baked.parent.mkdir(parents=True, exist_ok=True)
        fresh = baked.with_suffix(f".{os.getpid()}")
        fresh.write_bytes(_packed(manifest))
        fresh.replace(baked)
    except OSError:
        return  # a read-only place: the next command parses too, and says so


def _packed(manifest: Manifest) -> bytes:
    # dbt's own encoder: the rows of unit tests may hold dates.
    packed: bytes = manifest.to_msgpack(extended_mashumaro_encoder)
    return packed


def _fingerprint(project: Path) -> str:
    """Return a value that changes with dbt's version and every file that dbt reads."""
    digest = hashlib.sha256(dbt_version.encode())
    for path in sorted(project.rglob("*")):
        by_hand = path.relative_to(project).parts[0] in ("target", "logs")  # what a dbt run by hand left
        if path.is_file() and not by_hand and path.suffix in (".sql", ".yml", ".yaml", ".md", ".csv", ".py"):
            digest.update(f"{path.relative_to(project)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
