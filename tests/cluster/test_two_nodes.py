"""A thousand files over the pods of a cluster with two nodes, one of which is drained in the middle.

The team's repository has a cluster of its own, `medallion-nodes`. What cannot move between kind's nodes (the volumes of
Postgres and of Airflow's logs) is on the first one; both have the folder of the landing volume.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psycopg
import pytest
import yaml

import repository
from cluster import REPO, Airflow, Cluster, until
from command_line import good

NAME = "medallion-nodes"
FILES, ROWS, PODS = 1000, 200, 4
PIPELINES = {"drained": PODS, "by1": 1, "by2": 2, "by4": 4}
pytestmark = pytest.mark.slow_cluster
make = partial(repository.make, cluster=NAME)

NODES = """
kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
nodes:
  - {{role: control-plane, extraMounts: &landing [{{hostPath: {folder}, containerPath: /landing}}]}}
  - {{role: worker, extraMounts: *landing}}
"""
VOLUME = """
apiVersion: v1
kind: PersistentVolume
metadata: {name: landing}
spec:
  accessModes: [ReadWriteMany]
  capacity: {storage: 1Gi}
  storageClassName: shared
  hostPath: {path: /landing}
"""
VALUES = {"persistence": {"landing": {"accessModes": ["ReadWriteMany"], "storageClassName": "shared"}}}
CONTRACT = {
    "name": "events",
    "table": "raw.events",
    "primaryKey": "id",
    "fields": [{"name": "id"}, {"name": "at", "type": "datetime"}, {"name": "amount", "type": "number"}],
    "rejects": {"max_share": 0.1},
}
COUNTS = "select count(*) as rows, count(distinct _file) as files, sum(amount)::text as amount from drained_raw.events"


def pipeline(name: str, pods: int) -> dict[str, object]:
    return {
        "name": name,
        "owner": "me",
        "schema_prefix": f"{name}_",
        "sources": [{"name": "events", "contract": "events", "path": "events/*.csv", "pods": pods}],
        "retry_config": {"initial_delay_seconds": 1, "max_retries": 3},
        "resources": {"cleaner": {"cpu": "20m", "memory": "256Mi"}},  # all packs have room on one node
    }


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files: each has a row that is rejected, and one whose key all the others have too."""
    folder = tmp_path_factory.mktemp("nodes") / "landing"
    (folder / "events").mkdir(parents=True)
    for number in range(FILES):
        rows = [f"{number}-{row},2026-01-01 00:00:{row % 60:02},{row % 7}.25" for row in range(ROWS)]
        lines = ["id,at,amount", *rows, f"{number}-bad,2026-01-01 00:00:00,x", "shared,2026-01-01 00:00:00,1"]
        (folder / "events" / f"{number:04}.csv").write_text("\n".join(lines) + "\n")
    for path in (folder.parent, folder, folder / "events"):
        path.chmod(0o777)
    return folder


@pytest.fixture(scope="module")
def team(landing: Path) -> Iterator[Cluster]:
    make(REPO, "release")
    shop = landing.parent / "shop"
    good(shop.parent, "init", "shop")
    (shop / "values.yaml").write_text(yaml.safe_dump(VALUES))
    (shop / "dags" / "contracts" / "events.yaml").write_text(yaml.safe_dump(CONTRACT))
    for name, pods in PIPELINES.items():
        (shop / "dags" / "pipelines" / f"{name}.yaml").write_text(yaml.safe_dump(pipeline(name, pods)))
    image = subprocess.run(
        ["docker", "images", "--format", "{{.Repository}}:{{.Tag}}", "kindest/node"],
        check=True, capture_output=True, text=True, timeout=60,
    ).stdout.split()[0]  # fmt: skip
    try:
        subprocess.run(
            ["kind", "create", "cluster", "--name", NAME, "--image", image, "--config", "-", "--wait", "120s"],
            check=True, input=NODES.format(folder=landing), text=True, timeout=600,
        )  # fmt: skip
        nodes = Cluster(f"kind-{NAME}", "medallion")
        nodes.kubectl("apply", "-f", "-", stdin=VOLUME)
        nodes.kubectl("taint", "nodes", f"{NAME}-control-plane", "node-role.kubernetes.io/control-plane-")
        nodes.kubectl("cordon", f"{NAME}-worker")
        make(shop, "up")
        nodes.kubectl("uncordon", f"{NAME}-worker")
        yield nodes
    finally:
        repository.delete_cluster(NAME)


@pytest.fixture(scope="module")
def airflow_there(team: Cluster) -> Iterator[Airflow]:
    login = team.secret("medallion-ui")
    with team.ui() as base:
        yield Airflow(base, login["username"], login["password"])


def packs_on(team: Cluster, node: str) -> list[str]:
    """The steps of packs whose pods run on a node."""
    pods = team.get(
        "pods", "-l", "medallion/pipeline=drained,medallion/packs-of", "--field-selector", f"spec.nodeName={node}"
    )
    return [pod["metadata"]["labels"]["medallion/step"] for pod in pods["items"] if pod["status"]["phase"] == "Running"]


def test_a_drained_node_costs_only_the_files_that_were_missing(team: Cluster, airflow_there: Airflow):
    """Each pack waits at its last file until the node is gone, so the drain is in the middle, on any machine."""
    login, dag, node = team.secret("medallion-warehouse"), "drained", f"{NAME}-worker"
    airflow_there.appears(dag)
    with team.port("service/medallion-postgres", 5432) as port:
        url = f"host=127.0.0.1 port={port} dbname={login['PGDATABASE']} user={login['PGUSER']} password={login['PGPASSWORD']}"
        run = airflow_there.trigger(dag)
        of_run = f"run_id = '{run}'"
        until("the files are listed", lambda: team.sql(f"select from medallion.file_loads where {of_run} limit 1"), 300)
        with psycopg.connect(url) as holder:
            holder.execute(
                f"select from medallion.file_loads where {of_run} and status = 'waiting' and file in "
                f"(select max(file) from medallion.file_loads where {of_run} group by pack) for update".encode()
            )
            loaded = f"select count(*) as n from medallion.file_loads where {of_run} and status = 'loaded'"
            until("all other files are loaded", lambda: team.sql(loaded)[0]["n"] == FILES - PODS, 600)
            there = packs_on(team, node)
            assert there, "no pack is on the second node"
            assert len(there) < PODS, "all packs are on the second node"
            team.kubectl("drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--force", "--timeout=120s")
            until("the packs run again elsewhere", lambda: len(packs_on(team, f"{NAME}-control-plane")) == PODS, 300)
    assert airflow_there.finished(dag, run) == "success"
    tries = {name: task["try_number"] for name, task in airflow_there.tasks(dag, run).items()}
    for pack in range(PODS):
        assert tries[f"Clean.load_files_{pack}"] == (2 if f"clean.events.{pack}" in there else 1)
    for step in there:
        log = airflow_there.log(dag, run, f"Clean.load_files_{step.rpartition('.')[2]}", 2)
        assert "files are staged already, by an earlier attempt" in log
        assert "(1 of 1)" in log, "it loaded more than the file that was missing"
    (row,) = team.sql(f"select * from medallion.step_runs where {of_run} and step = 'clean.events'")
    assert (row["rows_in"], row["rows_rejected"]) == (FILES * (ROWS + 2), 2 * FILES - 1)
    amount = FILES * sum(row % 7 + 0.25 for row in range(ROWS)) + 1
    (found,) = team.sql(COUNTS)
    assert (found["rows"], found["files"], float(found["amount"])) == (FILES * ROWS + 1, FILES, amount)
    team.kubectl("uncordon", node)


def test_pods_load_the_same_and_the_table_of_costs_is_printed(team: Cluster, airflow_there: Airflow):
    rows = []
    for dag, pods in list(PIPELINES.items())[1:]:
        airflow_there.appears(dag)
        run = airflow_there.trigger(dag)
        assert airflow_there.finished(dag, run) == "success"
        rows += [(pods, *one.values()) for one in team.sql(TIMES.format(run=run))]
    print(
        "\n| pods | from the first step to the last, s | files loaded in, s | per file, ms |\n| --- | --- | --- | --- |"
    )
    for row in rows:
        print("| " + " | ".join(map(str, row)) + " |")
    same = "select count(*), md5(string_agg(e::text, ',' order by _file, _line)) as md5 from {}_raw.events as e"
    found = [json.dumps(team.sql(same.format(prefix))) for prefix in PIPELINES]
    assert len(set(found)) == 1


TIMES = """
select round(extract(epoch from max(finished_at) - min(started_at))::numeric, 1) as whole,
  (select round(extract(epoch from max(recorded_at) - min(recorded_at))::numeric, 1) from medallion.file_loads
   where run_id = '{run}') as files,
  (select round(1000 * avg(seconds)::numeric, 1) from medallion.file_loads where run_id = '{run}') as each
from medallion.step_runs where run_id = '{run}'
"""
