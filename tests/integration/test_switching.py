"""Many views are switched at once while readers query several of them: no reader is ever ended or kept waiting long."""

from __future__ import annotations

import itertools
import threading
import time

import psycopg

from medallion.config.retention import Retention
from medallion.warehouse import builds, ledger, publication, retention
from medallion.warehouse.connection import Connection
from medallion.warehouse.ledger import StepRun

NAMES = tuple(f"t{number}" for number in range(6))
SECONDS = 8


def test_query_of_several_views_never_deadlocks(warehouse: Connection):
    ledger.ensure(warehouse)
    stop, failed, slowest = threading.Event(), [], [0.0]

    def publish(connection: Connection, number: int) -> None:
        step = StepRun("p", f"run-{number}", "gold", "gold")
        build = builds.start(connection, "gold", step, fresh=True)
        for name in NAMES:
            connection.execute(f"create table {build}.{name} as select {number} as number")  # type: ignore[arg-type]
        with connection.transaction():
            publication.publish(connection, "gold", build, NAMES)
        retention.prune(connection, step, Retention(builds=1))

    def read(order: tuple[str, ...]) -> None:
        query = " union all ".join(f"(select number from gold.{name}, pg_sleep(0.005))" for name in order)
        try:
            with psycopg.connect("", autocommit=True) as reader:
                while not stop.is_set():
                    began = time.monotonic()
                    assert len(set(reader.execute(query).fetchall())) == 1  # type: ignore[arg-type]
                    slowest[0] = max(slowest[0], time.monotonic() - began)
                    stop.wait(0.05)
        except BaseException as error:
            failed.append(error)
            stop.set()

    publish(warehouse, 0)
    readers = [threading.Thread(target=read, args=(order,)) for order in (NAMES, NAMES[::-1], NAMES[3:] + NAMES[:3])]
    for reader in readers:
        reader.start()
    end = time.monotonic() + SECONDS
    for number in itertools.count(1):
        if time.monotonic() > end or stop.is_set():
            break
        publish(warehouse, number)
    stop.set()
    for reader in readers:
        reader.join(120)
    assert failed == []
    assert number > 1
    assert slowest[0] < 5
