"""Runs side by side, each with a random fault: no loss, and nothing left over."""

from __future__ import annotations

import pytest

from lane import Lane
from storm import RUNS, Storm
from table import LINES


@pytest.mark.skipif(not RUNS, reason="CHAOS_RUNS says how many runs")
def test_many_runs_each_with_a_random_fault(lanes: list[Lane]):
    storm = Storm()
    storm.over(lanes)
    LINES.extend(storm.table())
    assert [one for one in storm.done if one.wrong] == []
    assert storm.strange == [], "a reader saw an error or a mixed state"
    assert len(storm.done) == RUNS
    lanes[0].airflow.slots_are_free()
