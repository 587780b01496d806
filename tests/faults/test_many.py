"""The runs with a fault by chance, that went on beside the other tests: no loss, and nothing left over."""

from __future__ import annotations

import pytest

from lane import Lane
from storm import RUNS, Storm
from table import LINES


@pytest.mark.skipif(not RUNS, reason="CHAOS_RUNS says how many runs")
def test_many_runs_with_a_fault_by_chance_in_each(storm: Storm, lane: Lane):
    storm.wait()
    LINES.extend(storm.table())
    assert [one for one in storm.done if one.wrong] == []
    assert storm.strange == [], "a reader saw an error or a mixed state"
    assert len(storm.done) == RUNS
    lane.nothing_left()
    lane.airflow.slots_are_free()
