"""A dbt project's files as one archive: how the project of a run's commit reaches the pods of the run.

The name of an archive is made of the files, so an unchanged project is sent and stored once.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from medallion.errors import Misconfigured

MAX_BYTES = 16_000_000
"""Of an archive: it is a row of the warehouse, and on its way there objects of the Kubernetes API."""
DELIVERY = Path("/medallion/project")
"""Where a pod that may start a run has its project's archive, in parts."""
PROJECT_FILE = "dbt_project.yml"
_SKIPPED = {"__pycache__", "node_modules"}
_WRITTEN = {"target", "logs"}
"""What dbt writes next to a project's file. Below that, such as in `models`, a folder of this name is the project's."""
_IGNORING = ".dbtignore"
_PACKAGES = {"dbt_packages", "dbt_modules"}
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""As dbt does. The one in Python takes a tenth of a second for a large `dbt_project.yml`."""


def files_of(project: Path) -> Iterator[tuple[str, Path]]:
    """Yield each file of a project that dbt may read, by its name in the project, in order.

    Left out are hidden files other than `.dbtignore`, what dbt writes, and other projects below this one: a package
    often holds one that tests it. Links are followed: `dbt deps` makes a link of a local package.
    """
    packages = {PurePosixPath(one) for one in (*_PACKAGES, packages_folder(project))}
    yield from sorted(_walk(project, PurePosixPath(), (), packages))


def packages_folder(project: Path) -> str:
    """Return the folder of a project's packages, as its file names it (`packages-install-path`)."""
    content = read_yaml(project / PROJECT_FILE)
    folder = content.get("packages-install-path") if isinstance(content, dict) else None
    return PurePosixPath(folder).as_posix() if isinstance(folder, str) else "dbt_packages"


def _walk(
    folder: Path, name: PurePosixPath, above: tuple[Path, ...], packages: set[PurePosixPath]
) -> Iterator[tuple[str, Path]]:
    real = folder.resolve()
    if real in above:
        return
    top = not name.parts or name.parent in packages
    for path in folder.iterdir():
        if path.name in _SKIPPED or (top and path.name in _WRITTEN):
            continue
        if path.name.startswith(".") and not (top and path.name == _IGNORING):
            continue
        if path.is_file():
            yield str(name / path.name), path
        elif path.is_dir() and _belongs(path, name, packages):
            yield from _walk(path, name / path.name, () if name in packages else (*above, real), packages)


def _belongs(folder: Path, name: PurePosixPath, packages: set[PurePosixPath]) -> bool:
    """Return whether a folder inside the folder of that name is part of the project."""
    if folder.name in _PACKAGES:
        return name / folder.name in packages  # a package's own packages are not read
    return name in packages or not (folder / PROJECT_FILE).is_file()


def hash_files(project: Path) -> str:
    """Return the digest of a project's files, their names included."""
    return hash_contents((name, path.read_bytes()) for name, path in files_of(project))


def hash_contents(files: Iterable[tuple[str, bytes]]) -> str:
    """Return the digest of files, given by name and content in the order of `files_of`."""
    digest = hashlib.sha256()
    for name, content in files:
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:32]


def pack(project: Path) -> bytes:
    """Return a project's files as an archive; the same files always give the same bytes.

    Raises:
        Misconfigured: The archive has more than `MAX_BYTES`.
    """
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w|") as archive,
    ):
        for name, path in files_of(project):
            entry = tarfile.TarInfo(name)
            entry.size = path.stat().st_size
            with path.open("rb") as file:
                archive.addfile(entry, file)
    if packed.tell() > MAX_BYTES:
        raise Misconfigured(
            f"the dbt project {project} has {packed.tell():,} compressed bytes, {MAX_BYTES:,} can be sent to a pod",
            "remove what dbt does not read, such as large seeds, or bake the project into the dbt image",
        )
    return packed.getvalue()


def unpack(archive: bytes, folder: Path) -> None:
    """Write the files of an archive into a folder.

    They get the time of now: dbt takes a YAML file of the same time as before for unchanged.
    """
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as entries:
        for entry in entries:
            path = folder / entry.name
            if not entry.isfile() or not path.resolve().is_relative_to(folder.resolve()):
                raise Misconfigured(f"{entry.name!r} in the project's archive is no file of it", "please report this")
            path.parent.mkdir(parents=True, exist_ok=True)
            content = entries.extractfile(entry)
            assert content is not None
            path.write_bytes(content.read())


def part_name(digest: str, number: int) -> str:
    """Return the file of one part of an archive, of the project of that digest."""
    return f"{digest}.{number:03}"


def delivered(folder: Path | None = None) -> tuple[str, list[Path]] | None:
    """Return the digest of the project that this pod was given, and the parts of its archive; None if it has none.

    Args:
        folder: By default `MEDALLION_DELIVERY`, or where pods have it.
    """
    folder = folder or Path(os.environ.get("MEDALLION_DELIVERY", DELIVERY))
    parts = sorted(folder.glob("*.[0-9][0-9][0-9]"))
    return (parts[0].stem, parts) if parts else None


def check_packages(project: Path) -> None:
    """See that a project's packages are in it: a pod has no access to the hub, nor to git.

    Raises:
        Misconfigured: Fewer packages are installed than the project names.
    """
    wanted = [entry for name in ("packages.yml", "dependencies.yml") for entry in _packages(project / name)]
    folder = packages_folder(project)
    there = [path for name in {*_PACKAGES, folder} for path in (project / name).glob("*/" + PROJECT_FILE)]
    if len(there) < len(wanted):
        raise Misconfigured(
            f"the dbt project {project} names {len(wanted)} packages, and {len(there)} are in its {folder}",
            f"run `dbt deps` in it and commit {folder} with it",
        )


def _packages(path: Path) -> list[Any]:
    content = read_yaml(path)
    packages = content.get("packages") if isinstance(content, dict) else None
    return packages if isinstance(packages, list) else []


def read_yaml(path: Path) -> Any:
    """Return what a YAML file of a project holds, None if there is no file.

    Raises:
        Misconfigured: It is not YAML.
    """
    try:
        return yaml.load(path.read_text(encoding="utf-8"), _Loader) if path.is_file() else None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{path} is not YAML: {error}", "correct it") from error
