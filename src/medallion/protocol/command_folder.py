"""The folder that Medallion's container and the container of a team's command share in a pod."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path("/medallion")
"""Where both containers mount it."""
IMAGE_VARIABLE = "MEDALLION_COMMAND_IMAGE"
"""The image of the command's container, for Medallion's container. Without it, the command is a process next to it."""


def launcher_command(folder: Path = FOLDER) -> list[str]:
    """Return the command that starts the launcher in any image: it brings its own shell and C library."""
    return [str(folder / "ld.so"), "--library-path", str(folder), str(folder / "sh"), str(folder / "launch.sh")]
