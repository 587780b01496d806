"""What a pipeline file asks for and no pod could be given: found by `medallion lint`, before a run finds it."""

from __future__ import annotations

import json
from collections.abc import Iterator

from medallion.config.diagnostics import Diagnostic
from medallion.config.folder import Runnable
from medallion.errors import Misconfigured
from medallion.plan import RunContext, make_plan
from medallion.protocol import wire

_SURELY_FITS = wire.MAX_BYTES // 2
"""Bytes of JSON that need no trial: base64 adds a third to what does not compress."""


def too_large(one: Runnable) -> Iterator[Diagnostic]:
    """Yield an error for each task that is too large for a pod."""
    file = one.file
    plan = make_plan(file.pipeline, file.contracts, RunContext("run", "/landing", "0" * 40))
    place = {step.name: number for number, step in enumerate(plan.steps)}
    for task in plan.tasks:
        sizes = (len(json.dumps(step.work.model_dump(mode="json", exclude_unset=True))) for step in task.steps)
        if sum(sizes) > _SURELY_FITS:
            try:
                wire.environment(plan.document(task))
            except Misconfigured as error:
                where = f"sources.{place[task.first.name]}"
                yield Diagnostic(str(file.path), 1, 1, where, error.message, error.remedy)
