"""Retries by exit code: exactly the listed codes are tried again, after exactly the configured wait."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk.definitions.retry_policy import RetryDecision, RetryPolicy

from medallion.config.retry import RetryConfig
from medallion.orchestrators.kubernetes.pod_result import Ending, StepPodFailed


class ExitCodeRetryPolicy(RetryPolicy):
    """Decides by the exit code of the step's pod.

    What is no exit code at all (a pod that vanished, an API server that went away) is worth a retry.
    """

    def __init__(self, config: RetryConfig) -> None:
        self.config = config

    def evaluate(
        self,
        exception: BaseException,
        try_number: int,
        max_tries: int,  # noqa: ARG002 - Airflow's signature
        context: Any = None,  # noqa: ARG002 - Airflow's signature
    ) -> RetryDecision:
        """Decide about a retry. Airflow calls it in the worker after a failed attempt; `try_number` starts at 1."""
        ending = exception.ending if isinstance(exception, StepPodFailed) else Ending()
        if ending.refused:
            return RetryDecision.fail("another attempt would be refused as well")
        how = {"oom": "out of memory", "evicted": "evicted"}.get(ending.kind or "", f"exit code {ending.exit_code}")
        if not self.config.is_retryable(ending.exit_code, ending.kind):
            return RetryDecision.fail(f"{how} is not listed in retryable_exit_codes")
        delay = timedelta(seconds=self.config.delay(try_number))
        return RetryDecision.retry(delay, how if ending.exit_code or ending.kind else "the pod was lost")

    def serialize(self) -> dict[str, Any]:
        """Return the policy as JSON."""
        return self.config.model_dump(mode="json")
