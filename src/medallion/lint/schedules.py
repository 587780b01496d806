"""Schedules that are valid, and do not run when one would think; retries and limits that are never reached."""

from __future__ import annotations

from collections.abc import Iterator

from medallion.config.cron import at_skipped_times, uneven_steps
from medallion.config.diagnostics import Diagnostic
from medallion.config.folder import Runnable
from medallion.config.timezones import stays_at_winter_time
from medallion.errors import ExitCode
from medallion.plan import RunContext, make_plan

_SECONDS_OF_A_STEP = 10
"""What a step takes at least: Kubernetes starts two pods for it, the worker's and its own."""


def schedules(one: Runnable) -> Iterator[Diagnostic]:
    """Yield warnings about when a pipeline runs."""
    schedule = one.file.pipeline.schedule
    if region := stays_at_winter_time(schedule.timezone):
        message = f"{schedule.timezone} stays at winter time all year, and {region} does not"
        yield one.warn_of_schedule("timezone", message, f"write {region}, or UTC")
    if schedule.cron is None and schedule.interval_seconds is None and schedule.catchup:
        yield one.warn_of_schedule("catchup", "has no effect without `cron` or `interval_seconds`", "remove it")
    if schedule.cron is not None:
        for message in uneven_steps(schedule.cron):
            yield one.warn_of_schedule("cron", message, "write the values out, or use `interval_seconds`")
        skipped, twice = at_skipped_times(schedule.cron, schedule.timezone)
        does = [f"skips {skipped:%H:%M on %Y-%m-%d}"] if skipped else []
        does += [f"has {twice:%H:%M on %Y-%m-%d} twice"] if twice else []
        if does:
            message = f"{schedule.timezone} {' and '.join(does)}, as its clocks change"
            yield one.warn_of_schedule("cron", message, "choose another time of day, or `timezone: UTC`")


def intervals(one: Runnable) -> Iterator[Diagnostic]:
    """Yield a warning for an interval that is shorter than what a run takes at least."""
    pipeline = one.file.pipeline
    every, at_once = pipeline.schedule.interval_seconds, pipeline.schedule.max_concurrent_runs
    if every is None:
        return
    depth: dict[str, int] = {}
    for step in make_plan(pipeline, one.file.contracts, RunContext("RUN", "/landing")).steps:
        depth[step.name] = 1 + max((depth.get(need, 0) for need in step.needs), default=0)
    least = max(depth.values()) * _SECONDS_OF_A_STEP
    if every * at_once < least:
        message = f"a run of {max(depth.values())} steps after each other takes {least} s at least, in pods"
        yield one.warn_of_schedule("interval_seconds", message, f"write {least} or more, or allow more concurrent runs")


def retries(one: Runnable) -> Iterator[Diagnostic]:
    """Yield warnings about retries and limits that another limit never lets happen."""
    pipeline = one.file.pipeline
    retry, limits = pipeline.retry_config, pipeline.timeouts
    given = retry.model_fields_set - {"max_retries"}
    if retry.max_retries == 0 and given:
        message = f"nothing is retried with `max_retries: 0`, so {', '.join(sorted(given))} has no effect"
        yield one.warn(("retry_config", "max_retries"), message, "allow retries, or remove the other keys")
    if retry.max_retries and not retry.retryable_exit_codes:
        yield one.warn(("retry_config", "retryable_exit_codes"), "no exit code is retried", "write `max_retries: 0`")
    foreign = [code for code in retry.retryable_exit_codes if isinstance(code, int) and code not in set(ExitCode)]
    # The command of a team's own step has exit codes of its own.
    if foreign and not pipeline.steps and "retryable_exit_codes" in given:
        message = f"no step ends with exit code {', '.join(map(str, foreign))}"
        yield one.warn(
            ("retry_config", "retryable_exit_codes"), message, "see the exit codes in docs/reference/exit-codes.md"
        )
    if retry.max_retries and (wait := retry.delay(1)) >= limits.run_seconds:
        message = f"the first retry comes after {wait:.0f} s, and a run ends after {limits.run_seconds} s"
        yield one.warn(("retry_config",), message, "shorten the wait, or raise `timeouts.run_seconds`")
    if retry.initial_delay_seconds > retry.max_delay_seconds:
        message = f"is cut to `max_delay_seconds`, {retry.max_delay_seconds} s"
        yield one.warn(("retry_config", "initial_delay_seconds"), message, "raise `max_delay_seconds`")
    for index, step in enumerate(pipeline.steps):
        if step.timeout_seconds is not None and step.timeout_seconds > limits.run_seconds:
            message = f"is never reached: a run ends after `run_seconds`, {limits.run_seconds} s"
            yield one.warn(("steps", index, "timeout_seconds"), message, "raise `timeouts.run_seconds`")
    for name in ("step_seconds", "deadline_seconds", "startup_seconds"):
        value = getattr(limits, name)
        if name in limits.model_fields_set and value is not None and value > limits.run_seconds:
            message = f"is never reached: a run ends after `run_seconds`, {limits.run_seconds} s"
            yield one.warn(("timeouts", name), message, "raise `timeouts.run_seconds`")
