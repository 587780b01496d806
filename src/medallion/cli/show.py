"""What a person sees of a local run: live progress, then the report."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.progress import Progress as Bars
from rich.progress import SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from medallion.cli.console import console
from medallion.orchestrators.local import StepEvent
from medallion.orchestrators.local.report import Report
from medallion.plan import Plan

_QUIET = {"step_started", "attempt_started", "step_ended", "progress", "model_ended", "test_ended"}
_MARK = {"succeeded": "[green]✓[/]", "unchanged": "[green]=[/]", "failed": "[red]✗[/]", "lost": "[red]?[/]"}


class Progress:
    """Follows a run: a spinner per step on a terminal, a line per event elsewhere."""

    def __init__(self, plan: Plan, run_id: str) -> None:
        live = sys.stdout.isatty()
        self._bars = Bars(
            SpinnerColumn(finished_text=" "), TextColumn("{task.description}"), TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[note]}"), console=console, disable=not live,
        )  # fmt: skip
        console.print(f"[bold]{plan.pipeline.name}[/]  [dim]{run_id}[/]")
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Progress:
        self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bars.stop()

    def on_event(self, event: StepEvent) -> None:
        """Show one event. Called from several threads; rich serialises them."""
        step, kind, fields = event.step, event.event_type, event.fields
        if step.name not in self._tasks:
            self._tasks[step.name] = self._bars.add_task(step.name, total=1, note=step.title)
            if self._bars.disable:
                console.print(f"  {step.name}: {step.title}", markup=False)
        if kind == "step_ended":
            good = fields["exit_code"] == 0
            mark = "[green]✓[/]" if good else "[red]✗[/]"
            self._bars.update(self._tasks[step.name], description=f"{mark} {step.name}", completed=1)
            if self._bars.disable:
                console.print(f"  {step.name}: {'done' if good else 'failed'}")
        elif kind in ("progress", "model_ended", "test_ended"):
            self._bars.update(self._tasks[step.name], note=str(fields.get("message", "")))
        elif fields.get("level") in ("error", "warning") or kind == "output":
            self._bars.console.print(f"  [dim]{step.name}[/] ", end="")
            self._bars.console.print(str(fields.get("message", "")), markup=False, soft_wrap=True)
            if fields.get("remedy"):
                self._bars.console.print(f"    hint: {fields['remedy']}", markup=False, soft_wrap=True)
        elif kind not in _QUIET:
            self._bars.update(self._tasks[step.name], note=str(fields.get("message", kind)))


def show_report(report: Report, file: Path) -> None:
    """Print the run's table: steps, models, tests, and why rows were rejected."""
    table = Table(header_style="bold", pad_edge=False, box=SIMPLE_HEAD)
    table.add_column("step", no_wrap=True)
    table.add_column("rows", justify="right")
    table.add_column("seconds", justify="right")
    table.add_column("tests passed", justify="right")
    for step in report.steps:
        details = _detail_rows(step)
        table.add_row(*_step_row(step), end_section=not details)
        for last, row in _ends(details):
            table.add_row(*row, end_section=last)
    console.print(table)
    _show_reasons(report)
    _show_rounded(report)
    for step in report.steps:
        _show_tests(step)
    colour = "green" if report.status == "succeeded" else "red"
    console.print(f"[{colour}]{report.status}[/] in {report.seconds:.1f} s. Report: {file}", soft_wrap=True)


def show_rows(title: str | None, names: list[str], rows: list[tuple[Any, ...]]) -> None:
    """Print some rows of a table."""
    table = Table(
        *map(escape, names), title=title, title_justify="left", header_style="bold", pad_edge=False, box=SIMPLE_HEAD
    )
    for row in rows:
        table.add_row(*(escape(str(value)) for value in row))
    console.print(table)


def _step_row(step: dict[str, Any]) -> tuple[str, ...]:
    note = step["status"] if step["status"] != "succeeded" else ""
    seconds = "" if step["seconds"] is None else f"{step['seconds']:.1f}"
    return f"{_MARK.get(step['status'], ' ')} {step['name']}", note, seconds, _passed(step["tests"])


def _detail_rows(step: dict[str, Any]) -> list[tuple[str, ...]]:
    """What was loaded, or a row for each model."""
    rows: list[tuple[str, ...]] = []
    if step["rows_in"] is not None:
        words = {"rows_in": "rows in", "rows_loaded": "rows loaded", "rows_rejected": "rows rejected"}
        rows += [(f"    {word}", f"{step[key]:,}", "", "") for key, word in words.items()]
    if files := Counter(file["status"] for file in step["files"]):
        rows += [(f"    files {status}", f"{count:,}", "", "") for status, count in files.items()]
    for model in step["models"]:
        count = "" if model.get("rows") is None else f"{model['rows']:,}"
        tests = [test for test in step["tests"] if test.get("model") == model["name"]]
        rows.append((f"    {model['name']}", count, f"{model.get('seconds', 0):.2f}", _passed(tests)))
    return rows


def _passed(tests: list[dict[str, Any]]) -> str:
    passed = sum(test["status"] in ("pass", "warn") for test in tests)
    share = f"{passed}/{len(tests)}"
    return "" if not tests else share if passed == len(tests) else f"[red]{share}[/]"


def _ends(rows: list[tuple[str, ...]]) -> Iterator[tuple[bool, tuple[str, ...]]]:
    return ((index == len(rows) - 1, row) for index, row in enumerate(rows))


def _show_reasons(report: Report) -> None:
    reasons = [(step["name"], reason, count) for step in report.steps for reason, count in step["reasons"].items()]
    if not reasons:
        return
    table = Table(header_style="bold", pad_edge=False, box=SIMPLE_HEAD)
    table.add_column("rejected rows", justify="right")
    table.add_column("because")
    for _, reason, count in sorted(reasons, key=lambda item: -item[2])[:12]:
        table.add_row(f"{count:,}", reason)
    console.print(table)
    if len(reasons) > 12:
        console.print(f"… and {len(reasons) - 12} more reasons, in the report")


def _show_rounded(report: Report) -> None:
    for step in report.steps:
        for column, count in step.get("rounded", {}).items():
            console.print(f"{step['name']}: {count:,} values of {column} were rounded to the contract's `decimals`")
        for what, count in step.get("dialect", {}).items():
            console.print(f"{step['name']}: {count:,} {what}, as the contract's dialect says")


def _show_tests(step: dict[str, Any]) -> None:
    marks = {"fail": "[red]✗", "error": "[red]✗", "warn": "[yellow]! warning:"}
    for test in step["tests"]:
        if test["status"] in marks:
            mark = marks[test["status"]]
            console.print(f"{mark} {test['name']}[/]: {test['failures']:,} rows. {test.get('message', '')}")
            for row in test.get("sample", [])[:3]:
                console.print(f"    {row}", markup=False, soft_wrap=True)
