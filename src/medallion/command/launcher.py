"""`python -m medallion.command.launcher FOLDER`: prepares what a team's container and Medallion's share.

An init container runs it. The team's image may hold no shell and another C library or none, so the launcher brings its
own: dash with the two libraries that it needs, which its loader finds in the folder.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from importlib.resources import files
from pathlib import Path

_SHELL = Path("/bin/dash")
_LIBRARIES = {"libc.so.6": r"/libc\.so\.6$", "ld.so": r"/ld-linux[^/]*\.so[^/]*$"}
PIPES = ("start", "end", "output")


def install(folder: Path) -> None:
    """Put the launcher and its pipes into a folder.

    Raises:
        OSError: This image has no dash, or is not built on glibc.
    """
    mapped = {line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines()}
    for name, pattern in _LIBRARIES.items():
        found = next((path for path in sorted(mapped) if re.search(pattern, path)), None)
        if found is None:
            raise FileNotFoundError(f"no library {pattern} in this process: the image must be built on glibc")
        shutil.copy(found, folder / name)
    shutil.copy(_SHELL, folder / "sh")
    script = files("medallion.command").joinpath("launch.sh").read_text(encoding="utf-8")
    (folder / "launch.sh").write_text(script, encoding="utf-8")
    for name in PIPES:
        os.mkfifo(folder / name)
        (folder / name).chmod(0o666)  # the two containers may have different users


if __name__ == "__main__":
    install(Path(sys.argv[1]))
