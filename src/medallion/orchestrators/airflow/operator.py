"""A task as a KubernetesPodOperator: one pod under the restricted Pod Security Standard."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property
from typing import Any

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.sdk.exceptions import AirflowException
from airflow.triggers.base import StartTriggerArgs
from kubernetes.client import ApiException
from urllib3.exceptions import HTTPError

from medallion.errors import Misconfigured
from medallion.orchestrators.airflow.callbacks import Alerting
from medallion.orchestrators.airflow.doc_md import task_page
from medallion.orchestrators.airflow.pod_manager import WatchingPodManager
from medallion.orchestrators.airflow.retry import ExitCodeRetryPolicy
from medallion.orchestrators.kubernetes import pod_spec, pod_template
from medallion.orchestrators.kubernetes.command_container import add_command
from medallion.orchestrators.kubernetes.pod_result import Ending, StepPodFailed, read_pod_result, read_refusal
from medallion.orchestrators.kubernetes.project_delivery import deliver
from medallion.orchestrators.kubernetes.settings import Settings
from medallion.plan import Plan
from medallion.protocol import wire
from medallion.tasks import Task

TRIGGER = "medallion.orchestrators.airflow.trigger.StepTrigger"
"""By name: a DAG file's parse has no use for what a trigger imports."""
PROTOCOL = 1
"""Of the trigger's arguments: a run that began before an upgrade has those of the older release in its DAG."""
_LOOK_SECONDS = 0.2
"""Between looks at a pod that starts. The provider sleeps once more for as long, after the pod runs."""


class StepOperator(KubernetesPodOperator):
    """Run a task's pod and count it as a success only if the pod itself reports that its ledger rows are written.

    The pod gets its task from the worker, which has the DAG folder: Airflow's database holds none of it.

    Args:
        plan: The plan of the run.
        planned: The task of the plan: one step, or a pack.
        settings: The deployment, as the plan's tenant uses it.
        rest: The provider's own arguments.
    """

    ending: Ending | None = None
    refusal: Ending | None = None

    def __init__(self, *, plan: Plan, planned: Task, settings: Settings, **rest: Any) -> None:
        super().__init__(**rest)
        self.plan, self.planned, self.settings = plan, planned, settings
        launches = settings.launcher == "triggerer"
        if launches or settings.tenant is not None:
            kwargs = {"protocol": PROTOCOL, "dags": str(settings.dags), "task": planned.name, "launches": launches}
            next_method = "ended" if launches else "execute_admitted"
            self.start_from_trigger = True
            self.start_trigger_args = StartTriggerArgs(TRIGGER, next_method, kwargs)
            self.execution_timeout = None  # it would count the wait for a tenant's limit; the pod has its own

    @cached_property
    def pod_manager(self) -> WatchingPodManager:
        """Return what follows the pod."""
        return WatchingPodManager(kube_client=self.client, callbacks=self.callbacks)

    def build_pod_request_obj(self, context: Any = None, *, dry_run: bool = False) -> Any:
        """Add to the provider's pod the task document, the dbt project if it may start a run, and the pod template."""
        pod = super().build_pod_request_obj(context, dry_run=dry_run)
        try:
            brought = deliver(self.plan, self.planned, self.settings, self.client) if context else None
            plan = self.plan.with_project(brought.digest) if brought else self.plan
            task = plan.document(self.planned, context["run_id"] if context else "dry-run")
            container = next(one for one in pod.spec.containers if one.name == self.base_container_name)
            container.env = pod_spec.environment(wire.environment(task))
            pod.spec.volumes += brought.volumes if brought else ()
            container.volume_mounts += brought.mounts if brought else ()
            pod_spec.spread(pod, self.planned)
            add_command(pod, self.base_container_name, self.planned.first, self.settings)
            return pod_template.fill(pod, self.settings.pod_template, self.base_container_name)
        except Misconfigured as error:
            self.refusal = Ending(message=error.message, remedy=error.remedy, refused=True)
            raise
        except ApiException as error:
            self.refusal = read_refusal(error)
            raise

    def get_or_create_pod(self, pod_request_obj: Any, context: Any) -> Any:
        """Reuse a pod whose step succeeded after its worker had died; the provider would do the work again.

        A task that a user clears has no such pod: the worker that saw it end deleted it.
        """
        try:
            left = self.find_pod(pod_request_obj.metadata.namespace, context=context)
            if read_pod_result(left, self.base_container_name).succeeded:
                return left
            return super().get_or_create_pod(pod_request_obj, context)
        except ApiException as error:
            self.refusal = read_refusal(error)
            raise

    def execute_admitted(self, context: Any, event: Any) -> Any:  # noqa: ARG002 - Airflow's signature
        """Run the pod from a worker, after the trigger has waited for the tenant's limits."""
        from medallion.orchestrators.airflow.limits import leave_from_worker

        succeeded = False
        try:
            result = self.execute(context)
            succeeded = True
        finally:
            leave_from_worker(self.plan, self.planned, context["ti"], self.settings, succeeded=succeeded)
        return result

    def ended(self, context: Any, event: dict[str, Any]) -> None:
        """Go on in a worker after the trigger has seen the pod's end, unless that was a plain success.

        Alerts of a success go out here: a callback would run at every plain success too.

        Raises:
            StepPodFailed: The step did not succeed. Airflow decides about a retry, and sends the alert.
        """
        self.ending = ending = Ending.from_dict(event)
        if not ending.succeeded:
            raise StepPodFailed(self.task_id, ending)
        self.log.info(ending.message)
        Alerting(self.plan.pipeline).task_succeeded(context)

    def cleanup(self, pod: Any, remote_pod: Any, xcom_result: Any = None, context: Any = None) -> None:
        """Delete the pod, then raise `StepPodFailed` unless the step succeeded.

        A worker that receives SIGTERM deletes the pod and goes on here. The provider's own operator then raises
        nothing, and Airflow takes the task for a success (https://github.com/apache/airflow/issues/71202).
        """
        self.ending = ending = self.refusal or read_pod_result(self._latest(remote_pod), self.base_container_name)
        failure = StepPodFailed(self.task_id, ending)
        try:
            super().cleanup(pod, remote_pod, xcom_result, context)
        except AirflowException as error:
            raise failure from error
        if not ending.succeeded:
            raise failure

    def _latest(self, pod: Any) -> Any:
        """The pod as it is now: of one that never started, Airflow keeps the status from its creation."""
        status = getattr(pod, "status", None)
        if status is None or status.phase != "Pending":
            return pod
        try:
            return self.client.read_namespaced_pod(pod.metadata.name, pod.metadata.namespace)
        except (ApiException, HTTPError):
            return pod


def pod_operator(task: Task, plan: Plan, settings: Settings) -> StepOperator:
    """Return the operator for a task.

    Args:
        task: The task: one step, or a pack.
        plan: The plan that it is of.
        settings: The deployment.
    """
    pipeline = plan.pipeline
    volumes, mounts = pod_spec.volumes(task.first.reads_landing, settings.landing_claim, settings.tenant)
    pod_security, container_security = pod_spec.restricted()
    return StepOperator(
        plan=plan,
        planned=task,
        settings=settings,
        # The first step records all the others in the warehouse, so it goes first among those that may.
        priority_weight=2 if task is plan.tasks[0] else 1,
        task_id=task.task_id,
        task_display_name=task.label,
        doc_md=task_page(task, pipeline, settings.dags),
        name=pod_spec.name(pipeline.name, task.name),
        namespace=settings.namespace,
        in_cluster=True,
        kubernetes_conn_id=None,
        image=settings.images[task.image],
        image_pull_policy=settings.pull_policy,
        env_from=pod_spec.logins(settings.warehouse_secret, task.first.secret),
        labels=pod_spec.labels(pipeline.name, task.name, plan.context.commit, settings.tenant),
        annotations=pod_spec.list_steps(task),
        container_resources=pod_spec.resources(task.resources.cpu, task.resources.memory),
        volumes=list(volumes),
        volume_mounts=list(mounts),
        service_account_name=settings.service_account,
        automount_service_account_token=False,
        security_context=pod_security,
        container_security_context=container_security,
        startup_timeout_seconds=pipeline.timeouts.startup_seconds,
        startup_check_interval_seconds=_LOOK_SECONDS,
        active_deadline_seconds=task.timeout_seconds,
        execution_timeout=timedelta(seconds=task.timeout_seconds),
        log_events_on_failure=True,
        log_pod_spec_on_failure=False,
        do_xcom_push=False,
        retries=task.retry.max_retries,
        # The policy decides where a worker can read how a step ended; these hold where it cannot, as when
        # Airflow's own database is away: then every worker fails before it begins.
        retry_delay=timedelta(seconds=task.retry.initial_delay_seconds),
        retry_exponential_backoff=task.retry.backoff_multiplier,
        max_retry_delay=timedelta(seconds=task.retry.max_delay_seconds),
        retry_policy=ExitCodeRetryPolicy(task.retry),
    )
