"""What an orchestrator starts: one step, or a pack of loads that share a pod.

A start of a pod and of its process costs more than the load of a small file. So one process does the loads of a pack,
one after the other. Each remains a step, with its own ledger row, lock and transaction (decision 43).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil

from medallion.clean_steps import CLEAN
from medallion.config.resources import Resources
from medallion.config.retry import RetryConfig
from medallion.protocol.clean_work import CleanWork
from medallion.steps import Image, Step

_MAX_SECONDS = 2_147_483_647
"""Kubernetes' limit of `activeDeadlineSeconds`."""


@dataclass(frozen=True)
class Task:
    """One pod on Kubernetes, one process on a laptop. The steps of a pack need the same pod."""

    name: str
    task_id: str
    title: str
    steps: tuple[Step, ...]

    @property
    def first(self) -> Step:
        """Its first step, which is the only one unless it is a pack."""
        return self.steps[0]

    @property
    def is_pack(self) -> bool:
        """Whether it has several steps."""
        return len(self.steps) > 1

    @property
    def label(self) -> str:
        """Its ID and, for a pack, the names of its sources: what a UI shows."""
        if not self.is_pack:
            return self.task_id
        return f"{self.task_id} ({', '.join(step.name.partition('.')[2] for step in self.steps)})"

    @property
    def group(self) -> tuple[str, ...]:
        """The task groups that it is in, from the outermost."""
        return self.first.group

    @property
    def image(self) -> Image:
        """The image of its pod."""
        return self.first.image

    @property
    def module(self) -> str:
        """The command, as `python -m` names it."""
        return self.first.module

    @property
    def needs(self) -> tuple[str, ...]:
        """The steps that must have succeeded before it starts."""
        return self.first.needs

    @property
    def resources(self) -> Resources:
        """What its pod asks for. The loads of a pack run one after the other, so one load's resources are enough."""
        return self.first.resources

    @property
    def retry(self) -> RetryConfig:
        """When it is tried again."""
        return self.first.retry

    @property
    def timeout_seconds(self) -> int:
        """The limit of one attempt: each step has its own, which the process of a pack enforces."""
        return min(sum(step.timeout_seconds for step in self.steps), _MAX_SECONDS)


def make_tasks(steps: Sequence[Step], sources_per_pod: int) -> tuple[Task, ...]:
    """Return the tasks for the steps of a run, in the order of their first steps.

    Args:
        steps: All steps, in order.
        sources_per_pod: How many loads share a pod at most.
    """
    same_pod: dict[object, list[Step]] = {}
    for step in steps:
        alone = step.own_pod or sources_per_pod == 1 or not isinstance(step.work, CleanWork)
        same_pod.setdefault(step.name if alone else _pod_needs(step), []).append(step)
    place = {step.name: number for number, step in enumerate(steps)}
    packs = [pack for group in same_pod.values() for pack in _split(group, sources_per_pod)]
    tasks, number = [], 0
    for pack in sorted(packs, key=lambda pack: place[pack[0].name]):
        number += len(pack) > 1
        tasks.append(_make_task(pack, number))
    return tuple(tasks)


def _pod_needs(step: Step) -> tuple[object, ...]:
    """Return what sources that share a pod have in common. Remote sources wait for their server, and no file for it."""
    server = None if step.reads_landing else step.work.connector
    return step.group, step.needs, step.image, step.resources, step.retry, step.secret, server


def _split(steps: Sequence[Step], most: int) -> list[tuple[Step, ...]]:
    """Return the steps in as few packs as possible, of about the same length."""
    count = ceil(len(steps) / most)
    bounds = [len(steps) * number // count for number in range(count + 1)]
    return [tuple(steps[start:end]) for start, end in pairwise(bounds)]


def _make_task(steps: tuple[Step, ...], number: int) -> Task:
    first = steps[0]
    if len(steps) == 1:
        return Task(first.name, first.task_id, first.title, steps)
    names = ", ".join(step.name.partition(".")[2] for step in steps)
    title = f"Cleans and loads {len(steps)} sources, one after the other: {names}"
    # The name of a source begins with a letter, so no source has this ID.
    return Task(f"clean.{number}", f"{CLEAN}_{number}", title, steps)
