"""Bundles that go wrong on purpose: what Airflow makes of them is why `TeamBundle` writes its DAG files as it does."""

from __future__ import annotations

from medallion.orchestrators.airflow.bundle import TeamBundle

KILL = "import os, signal\ntry:\n    {call}\nfinally:\n    os.kill(os.getpid(), signal.SIGKILL)\n"


class KilledErrors(TeamBundle):
    """The parse of the errors is killed, as the DAG processor kills one that takes too long, without the wait."""

    def refresh(self) -> None:
        super().refresh()
        path = self.path / "schedule_errors.py"
        body, call = path.read_text().rstrip("\n").rsplit("\n", 1)
        path.write_text(f"{body}\n{KILL.format(call=call)}")


class OneFile(TeamBundle):
    """The DAGs and the errors are in one DAG file."""

    def refresh(self) -> None:
        super().refresh()
        dags, errors = self.path / "schedules.py", self.path / "schedule_errors.py"
        dags.write_text(dags.read_text() + errors.read_text())
        errors.unlink()
