"""The two streams that every command writes to, and how a command refuses its arguments."""

from __future__ import annotations

from typing import NoReturn

import typer
from rich.console import Console

from medallion.config.diagnostics import ConfigError
from medallion.errors import ExitCode, StepFailure

console = Console(highlight=False)
error_console = Console(stderr=True, highlight=False)


def refuse(message: str, remedy: str) -> NoReturn:
    """Print what is wrong and a hint, and exit with the code for wrong usage."""
    error_console.print(f"{message}\nhint: {remedy}", style="red", markup=False, soft_wrap=True)
    raise typer.Exit(ExitCode.USAGE)


def refuse_config(error: ConfigError) -> NoReturn:
    """Print what is wrong in the files, and exit with the code for wrong usage."""
    error_console.print(str(error), style="red", markup=False, soft_wrap=True)
    raise typer.Exit(ExitCode.USAGE)


def refuse_failure(failure: StepFailure) -> NoReturn:
    """Print a failure and its hint, and exit with its code."""
    error_console.print(failure.message, style="red", markup=False, soft_wrap=True)
    if failure.remedy:
        error_console.print(f"hint: {failure.remedy}", markup=False, soft_wrap=True)
    raise typer.Exit(failure.code)
