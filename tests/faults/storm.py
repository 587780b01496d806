"""Many runs, each with a random fault in a random step at a random moment."""

from __future__ import annotations

import os
import queue
import random
import statistics
import sys
import threading
import time
from collections import defaultdict
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field

from cluster import until
from inject import FAULTS, Missed, running
from lane import Lane, Reader, Run
from table import Line

RUNS = int(os.environ.get("CHAOS_RUNS", "0"))
SEED = int(os.environ.get("CHAOS_SEED", "1"))
LANES = int(os.environ.get("CHAOS_LANES", "4"))
"""Pipelines that run side by side."""
OF_THE_NODE = threading.Lock()
"""Faults that hit every pipeline at once come one after the other."""
SHARED = ("scheduler", "Postgres", "Kubernetes", "node", "launcher")
"""How the names of faults begin that hit every pipeline at once. They are an eighth as frequent."""


@dataclass
class Done:
    """A run that is over: what it was given, and how it ended."""

    fault: str
    step: str
    seconds: float
    wrong: str = ""
    missed: bool = False


@dataclass
class Storm:
    """The runs, and what readers saw of them.

    Attributes:
        done: The runs that are over.
        strange: What a reader saw and should not have.
    """

    done: list[Done] = field(default_factory=list)
    strange: list[object] = field(default_factory=list)

    def over(self, lanes: list[Lane]) -> None:
        """Lets runs go on in each lane, side by side, until the last is over."""
        numbers: queue.SimpleQueue[int] = queue.SimpleQueue()
        for number in range(RUNS):
            numbers.put(number)
        with ExitStack() as stack:
            readers = [stack.enter_context(Reader(lane).reading()) for lane in lanes]
            threads = [threading.Thread(target=self._work, args=(lane, numbers), daemon=True) for lane in lanes]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(7200)
            for reader in readers:
                self.strange += reader.faulty()

    def table(self) -> list[Line]:
        """A line for each kind of fault."""
        found = defaultdict(list)
        for one in self.done:
            found[one.fault].append(one)
        return [_line(fault, runs) for fault, runs in sorted(found.items())]

    def _work(self, lane: Lane, numbers: queue.SimpleQueue[int]) -> None:
        """Takes numbers until there are no more; a run that went wrong is written down, and the next one begins."""
        while True:
            try:
                number = numbers.get_nowait()
            except queue.Empty:
                return
            one = _one(lane, number)
            if one.missed:
                numbers.put(number + RUNS)  # the step had ended before the fault came: one more run
                continue
            self.done.append(one)
            how = one.wrong or f"{one.seconds:.0f} s"
            line = f"{len(self.done)}/{RUNS} {lane.dag} {one.fault}, {one.step}: {how}"
            print(line, file=sys.__stderr__, flush=True)


def _one(lane: Lane, number: int) -> Done:
    chance = random.Random(SEED * 100_000 + number)
    fault = chance.choices(list(FAULTS), [1 if name.startswith(SHARED) else 8 for name in FAULTS])[0]
    step, moment = chance.choice(lane.steps), chance.uniform(0, 4)
    began, wrong, missed = time.monotonic(), "", False
    try:
        run = lane.start()
        _wait_for(lane, run, step)
        time.sleep(moment)  # the fault's own random moment
        began = time.monotonic()
        with OF_THE_NODE if fault.startswith(SHARED) else nullcontext():
            try:
                FAULTS[fault](lane, step)
            except Missed:
                missed = True
        lane.succeeded(run)
        lane.nothing_left()
    except Exception as error:
        wrong = f"{type(error).__name__}: {error}"
    return Done(fault, step, time.monotonic() - began, wrong, missed and not wrong)


def _wait_for(lane: Lane, run: Run, step: str) -> None:
    """Waits until a step's pod runs, or has already done its work."""

    def begun() -> bool:
        return bool(running(lane, step)) or step in {row["step"] for row in lane.ledger(run)}

    until(f"{step} of {run.run_id} starts", begun, 600)


def _line(fault: str, runs: list[Done]) -> Line:
    bad = sum(bool(one.wrong) for one in runs)
    seconds = [one.seconds for one in runs if not one.wrong] or [0.0]
    outcome = f"{bad} of {len(runs)} broken" if bad else "nothing lost"
    took = f"{statistics.median(seconds):.0f} s, at most {max(seconds):.0f} s"
    return f"{len(runs)} × {fault}", "a random step and moment", outcome, took
