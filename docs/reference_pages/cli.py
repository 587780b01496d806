"""The page of the command line, of the definitions in `medallion.cli`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer.main

from medallion.cli import app
from reference_pages.markdown import code, table


def command_line() -> str:
    """Return the page, with a section for each command."""
    root: Any = typer.main.get_command(app)
    sections = "\n".join(_section(name, command) for name, command in _commands(root, "medallion"))
    return f"""# Command line

{root.help}

{sections}
"""


def _commands(group: Any, path: str) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def _section(name: str, command: Any) -> str:
    rows = [_row(one) for one in command.params if not getattr(one, "hidden", False)]
    example = (command.epilog or "").partition("\n")[0]
    arguments = table("Argument or option | Default | Description", rows) if rows else ""
    return "\n\n".join(part for part in (f"## {name}", command.help, arguments, example) if part) + "\n"


def _row(parameter: Any) -> tuple[str, str, str]:
    names = ", ".join(map(code, parameter.opts)) if parameter.opts[0].startswith("-") else code(parameter.name.upper())
    default = parameter.default
    shown = "required" if parameter.required else "" if default in (None, False, ()) else code(str(default))
    variable = f" Environment variable: {code(parameter.envvar)}." if isinstance(parameter.envvar, str) else ""
    return names, shown, f"{parameter.help or ''}{variable}"
