"""The fault suite: real faults against the release of `make up`, a reader that watches throughout, and a table at the end."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from cluster import Cluster, git
from inject import node
from lane import Lane, Reader, deliver, landing, learn
from reach import PatientAirflow, Warehouse, airflow_of, warehouse_of
from release import checkout, cluster
from storm import LANES
from table import LINES, Fault

__all__ = ["checkout", "cluster"]


@pytest.fixture(scope="session")
def airflow(cluster: Cluster) -> Iterator[PatientAirflow]:
    """Airflow's API."""
    with airflow_of(cluster) as found:
        yield found


@pytest.fixture(scope="session")
def warehouse(cluster: Cluster) -> Iterator[Warehouse]:
    """The warehouse, as its own role."""
    with warehouse_of(cluster) as found:
        yield found


Ready = Callable[[list[Lane]], AbstractContextManager[None]]


@pytest.fixture(scope="session")
def ready(cluster: Cluster, checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ready]:
    """Brings pipelines onto the cluster."""
    if subprocess.run(["docker", "inspect", node(cluster)], capture_output=True, timeout=1200).returncode:
        pytest.fail("the fault suite needs a kind cluster on this machine: it stops parts of the node")
    with landing(cluster):
        yield lambda lanes: _ready(lanes, checkout, tmp_path_factory.mktemp("landing"))


@pytest.fixture(scope="session")
def lane(airflow: PatientAirflow, cluster: Cluster, warehouse: Warehouse, ready: Ready) -> Iterator[Lane]:
    """The pipeline of the tests that inject one fault each."""
    made = Lane("faults", cluster, airflow, warehouse)
    with ready([made]):
        yield made


@pytest.fixture
def lanes(airflow: PatientAirflow, cluster: Cluster, warehouse: Warehouse, ready: Ready) -> Iterator[list[Lane]]:
    """Pipelines for many runs, of two steps or one."""
    steps = [() if number % 2 else ("whole",) for number in range(LANES)]
    made = [Lane(f"chance_{number}", cluster, airflow, warehouse, layers) for number, layers in enumerate(steps)]
    with ready(made):
        yield made


@contextmanager
def _ready(lanes: list[Lane], checkout: Path, folder: Path) -> Iterator[None]:
    """Adds pipelines by a push, and runs each twice."""
    for lane in lanes:
        (checkout / "dags" / "pipelines" / f"{lane.dag}.yaml").write_text(lane.file)
    git(checkout, "add", "-A")
    git(checkout, "commit", "-qm", "Pipelines to break", "--allow-empty")
    git(checkout, "push", "-q")
    deliver(lanes, folder)
    for lane in lanes:
        lane.airflow.appears(lane.dag)
    learn(lanes)
    yield
    for lane in lanes:
        lane.nothing_left()


@pytest.fixture
def pushed(lane: Lane, checkout: Path) -> Iterator[Callable[..., str]]:
    """Changes the pipeline of the suite by a push (pairs of old and new text), and takes the change back."""
    file = checkout / "dags" / "pipelines" / f"{lane.dag}.yaml"
    before = file.read_text()

    def push(text: str) -> str:
        file.write_text(text)
        git(checkout, "commit", "-qam", "A change in the middle of a run", "--allow-empty")
        git(checkout, "push", "-q")
        return git(checkout, "rev-parse", "HEAD").strip()

    def change(*changes: tuple[str, str], valid: bool = True) -> str:
        text = before
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        commit = push(text)
        if valid:
            lane.airflow.is_at(lane.dag, commit)
        return commit

    yield change
    lane.airflow.is_at(lane.dag, push(before))


@pytest.fixture(scope="session")
def reader(lane: Lane) -> Iterator[Reader]:
    """Reads gold all along."""
    with Reader(lane).reading() as found:
        yield found


@pytest.fixture
def fault(request: pytest.FixtureRequest, lane: Lane, reader: Reader) -> Iterator[Callable[[str, str], Fault]]:
    """Names a fault for the table; afterwards looks at what readers saw and at what is left over."""
    made: list[Fault] = []

    def named(what: str, injected_at: str) -> Fault:
        made.append(Fault(what, injected_at))
        return made[-1]

    yield named
    outcome = "broken"
    try:
        assert reader.faulty() == [], "a reader saw an error or a mixed state"
        lane.nothing_left()
        if not request.node.stash.get(FAILED, False):
            outcome = "nothing lost"
    finally:
        for one in made:
            seconds = "" if one.recovered is None else f"{one.recovered:.0f} s"
            LINES.append((one.what, one.injected_at, outcome, seconds))


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
