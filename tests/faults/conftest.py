"""The fault suite: real faults against the release of `make up`, a reader that watches throughout, and a table at the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cluster import Airflow, Cluster, git
from release import airflow, checkout, cluster
from watch import DAG, Reader, leftovers

__all__ = ["airflow", "checkout", "cluster"]

PIPELINE = f"""\
name: {DAG}
owner: faults
sources:
  - {{name: transactions, path: customer_transactions.csv, contract: customer_transactions}}
models: customer_transactions
layers: [{{name: bronze}}, {{name: silver}}, {{name: gold}}]
schema_prefix: faults_
retry_config: {{max_retries: 4, initial_delay_seconds: 2}}
timeouts: {{step_seconds: 600, run_seconds: 1800}}
"""


@dataclass
class Fault:
    """One line of the table."""

    what: str
    injected_at: str
    recovered: float | None = None
    began: float = field(default_factory=time.monotonic)

    def injected(self) -> None:
        """The clock of the recovery starts."""
        self.began = time.monotonic()

    def mended(self) -> None:
        """The run is back on its feet."""
        self.recovered = time.monotonic() - self.began


LINES: list[tuple[str, str, str, str]] = []


@pytest.fixture(scope="session")
def pipeline(airflow: Airflow, cluster: Cluster, checkout: Path) -> Iterator[str]:
    """A pipeline of the suite's own, added by a push, that has run once."""
    (checkout / "dags" / f"{DAG}.py").write_text((checkout / "dags" / "pipeline_customer_transaction.py").read_text())
    (checkout / "dags" / "pipelines" / f"{DAG}.yaml").write_text(PIPELINE)
    git(checkout, "add", "-A")
    git(checkout, "commit", "-qm", "A pipeline to break")
    git(checkout, "push", "-q")
    airflow.appears(DAG)
    assert airflow.finished(DAG, airflow.trigger(DAG)) == "success"
    yield DAG
    cluster.kubectl("delete", "pod", "-l", f"medallion/pipeline={DAG}", "--ignore-not-found", "--wait=false")


@pytest.fixture(scope="session")
def reader(cluster: Cluster, pipeline: str) -> Iterator[Reader]:
    """Reads gold all along."""
    with Reader(cluster).reading() as found:
        yield found


@pytest.fixture
def fault(
    request: pytest.FixtureRequest, cluster: Cluster, airflow: Airflow, reader: Reader
) -> Iterator[Callable[[str, str], Fault]]:
    """Names a fault for the table; afterwards looks at what readers saw and at what is left over."""
    made: list[Fault] = []

    def named(what: str, injected_at: str) -> Fault:
        made.append(Fault(what, injected_at))
        return made[-1]

    yield named
    outcome = "broken"
    try:
        assert reader.faulty() == [], "a reader saw an error or a mixed state"
        leftovers(cluster, airflow)
        outcome = "nothing lost"
    finally:
        for one in made:
            failed = request.node.stash.get(FAILED, False)
            seconds = "" if one.recovered is None else f"{one.recovered:.0f} s"
            LINES.append((one.what, one.injected_at, "broken" if failed else outcome, seconds))


FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    """Remembers whether the test itself failed, for the table."""
    report = yield
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints the table."""
    if not LINES:
        return
    terminalreporter.write_line("")
    for line in [("fault", "injected at", "outcome", "recovered in"), ("---",) * 4, *LINES]:
        terminalreporter.write_line(f"| {' | '.join(line)} |")
