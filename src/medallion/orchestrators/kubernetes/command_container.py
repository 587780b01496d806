"""The pod of a team's own command: its container next to Medallion's, which alone has the warehouse's login.

An init container puts a launcher into a folder that both share. The launcher is the first process of the team's
container: it starts the command when Medallion's container holds the step's lock (decision 35).
"""

from __future__ import annotations

from kubernetes.client import models as k8s

from medallion.orchestrators.kubernetes import pod_spec
from medallion.orchestrators.kubernetes.settings import Settings
from medallion.protocol.command_folder import FOLDER, IMAGE_VARIABLE, launcher_command
from medallion.protocol.work import CommandWork
from medallion.steps import Step

CONTAINER = "command"
_INSTALLER = "launcher"
_PYTHON = "/venv/bin/python"
_CPU, _MEMORY = "50m", "192Mi"
"""Of Medallion's two containers."""


def add_command(pod: k8s.V1Pod, container: str, step: Step, settings: Settings) -> None:
    """Make the pod of a team's own command of the pod that every step has. Other pods stay as they are.

    Args:
        pod: The pod.
        container: The name of Medallion's container in it.
        step: The step.
        settings: The deployment, as the plan's tenant uses it.
    """
    work = step.work
    if not isinstance(work, CommandWork):
        return
    ours = next(one for one in pod.spec.containers if one.name == container)
    shared = k8s.V1VolumeMount(name=_INSTALLER, mount_path=str(FOLDER))
    ours.command = [_PYTHON, "-m", step.module]
    ours.args = []
    ours.resources = pod_spec.resources(_CPU, _MEMORY)
    ours.env_from = pod_spec.logins(settings.warehouse_secret, None)
    ours.env = [*ours.env, k8s.V1EnvVar(name=IMAGE_VARIABLE, value=work.image)]
    ours.volume_mounts = [*ours.volume_mounts, shared]
    installer = k8s.V1Container(
        name=_INSTALLER,
        image=ours.image,
        image_pull_policy=ours.image_pull_policy,
        command=[_PYTHON, "-m", "medallion.command.launcher", str(FOLDER)],
        resources=ours.resources,
        volume_mounts=[shared],
        security_context=ours.security_context,
    )
    pod.spec.init_containers = [*(pod.spec.init_containers or []), installer]
    pod.spec.containers = [*pod.spec.containers, _container(work, step, settings)]
    pod.spec.volumes = [*pod.spec.volumes, k8s.V1Volume(name=_INSTALLER, empty_dir=k8s.V1EmptyDirVolumeSource())]


def _container(work: CommandWork, step: Step, settings: Settings) -> k8s.V1Container:
    """The team's container: its image, its Secret, and nothing of Medallion's but the launcher, read-only."""
    _, security = pod_spec.restricted(step.run_as_user)
    secrets = [settings.warehouse_secret] if work.warehouse else []
    secrets += [step.secret[0]] if step.secret else []
    _, writable = pod_spec.volumes(False, settings.landing_claim, None)
    return k8s.V1Container(
        name=CONTAINER,
        image=work.image,
        command=launcher_command(),
        env=pod_spec.environment({}),
        env_from=[k8s.V1EnvFromSource(secret_ref=k8s.V1SecretEnvSource(name=name)) for name in secrets],
        resources=pod_spec.resources(step.resources.cpu, step.resources.memory),
        volume_mounts=[*writable, k8s.V1VolumeMount(name=_INSTALLER, mount_path=str(FOLDER), read_only=True)],
        security_context=security,
    )
