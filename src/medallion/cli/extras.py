"""Commands whose extra is not installed."""

from __future__ import annotations

from typing import Any, NoReturn

import typer

from medallion.cli.console import error_console
from medallion.errors import ExitCode

_ANY = {"ignore_unknown_options": True, "allow_extra_args": True}


def add_lacking(app: typer.Typer, name: str, error: ModuleNotFoundError, options: dict[str, Any]) -> None:
    """Add a command that only names the extra which it needs.

    Args:
        app: Where to add it.
        name: The command.
        error: What its import raised.
        options: How `--help` lists it.

    Raises:
        ModuleNotFoundError: A module of Medallion itself is missing, which no extra brings.
    """
    if _is_ours(error):
        raise error
    extra = "dagster" if name in ("dagster", "start") else "local"

    def command(_context: typer.Context) -> None:
        refuse(error, extra)

    add = app.command(name, help=f"Needs the extra `{extra}`.", context_settings=_ANY, add_help_option=False, **options)
    add(command)


def refuse(error: ModuleNotFoundError, extra: str = "local") -> NoReturn:
    """Exit with the name of the package that is missing and of the extra that brings it.

    Raises:
        ModuleNotFoundError: A module of Medallion itself is missing, which no extra brings.
    """
    if _is_ours(error):
        raise error
    what = f"this command needs {str(error.name).split('.')[0]}, which is not installed"
    hint = f"hint: pip install 'medallion-platform[{extra}]'"
    error_console.print(f"{what}\n{hint}", style="red", markup=False, soft_wrap=True)
    raise SystemExit(ExitCode.USAGE)


def _is_ours(error: ModuleNotFoundError) -> bool:
    return error.name is None or error.name.split(".")[0] == "medallion"
