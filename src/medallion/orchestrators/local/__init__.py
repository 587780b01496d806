"""Pipelines as processes on this machine: the same plan, the same commands, the same gates."""

from medallion.orchestrators.local.run import StepEvent, run_plan

__all__ = ["StepEvent", "run_plan"]
