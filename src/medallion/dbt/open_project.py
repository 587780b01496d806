"""A step's dbt project: its files on this machine, as they were at the run's commit, and what dbt makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dbt.contracts.graph.manifest import Manifest

from medallion.config.places import dbt_project
from medallion.dbt.checkout import Checkout
from medallion.dbt.manifest import FolderStore, Store, load_manifest
from medallion.errors import Misconfigured
from medallion.protocol.project_archive import unpack
from medallion.protocol.work import DbtWork
from medallion.runtime.session import Session
from medallion.warehouse import projects


@dataclass(frozen=True)
class Project:
    """A project that a step works on.

    Attributes:
        checkout: Its files and settings.
        manifest: As parsed; the step changes it.
        files_parsed: How many files dbt parsed for it.
    """

    checkout: Checkout
    manifest: Manifest
    files_parsed: int


def open_project(work: DbtWork, session: Session, target: Path) -> Project:
    """Return a step's project, parsed.

    Args:
        work: Says which project; without a digest it is this machine's.
        session: The warehouse has the project of a digest, and the parses of the pipeline.
        target: A folder for the project's files.

    Raises:
        Misconfigured: There is no project.
        ModelFailed: It does not parse.
    """
    if work.project is None:
        checkout = Checkout(dbt_project(None, work.dbt.project), work.dbt)
        store: Store = FolderStore(checkout)
    else:
        checkout = Checkout(_unpacked(work.project, session, target / "project"), work.dbt)
        store = projects.Parses(session.connection, session.step.pipeline)
    parsed = load_manifest(checkout, store)
    what = f"dbt parsed {parsed.files} files" if parsed.files else "no file of the dbt project was parsed again"
    session.log.event("manifest_loaded", what, files_parsed=parsed.files)
    return Project(checkout, parsed.manifest, parsed.files)


def _unpacked(digest: str, session: Session, folder: Path) -> Path:
    archive = projects.fetch(session.connection, digest)
    if archive is None:
        raise Misconfigured(
            f"the warehouse does not hold the dbt project {digest} of commit {session.step.commit}",
            "start a new run: its first step brings the project",
        )
    unpack(archive, folder)
    return folder
