"""The pod of a team's own command: its container gets nothing of Medallion's but the launcher."""

from __future__ import annotations

from typing import Any

from kubernetes.client import ApiClient
from kubernetes.client import models as k8s

from medallion.config.pipeline import Pipeline
from medallion.orchestrators.kubernetes import pod_spec
from medallion.orchestrators.kubernetes.command_container import add_command
from medallion.orchestrators.kubernetes.settings import Settings
from medallion.plan import RunContext, make_plan
from medallion.protocol import wire


def made(**step: Any) -> dict[str, Any]:
    own = {"name": "check", "image": "team/score:1", "command": ["score"], **step}
    pipeline = Pipeline.model_validate({"name": "p", "owner": "me", "steps": [own]})
    plan = make_plan(pipeline, {}, RunContext("r", "/landing"))
    _, security = pod_spec.restricted()
    volumes, mounts = pod_spec.volumes(False, "landing", None)
    container = k8s.V1Container(
        name="base", image="cleaner", image_pull_policy="Never", env_from=pod_spec.logins("warehouse", plan.steps[0].secret),
        env=pod_spec.environment(wire.environment(plan.task("check"))), volume_mounts=list(mounts), security_context=security,
    )  # fmt: skip
    pod = k8s.V1Pod(spec=k8s.V1PodSpec(containers=[container], volumes=list(volumes)))
    add_command(pod, "base", plan.steps[0], Settings.from_environment())
    spec: dict[str, Any] = ApiClient().sanitize_for_serialization(pod)["spec"]
    return spec


def test_teams_container_has_no_task_and_no_login():
    ours, theirs = made(env={"A": "b"})["containers"]
    assert (theirs["name"], theirs["image"]) == ("command", "team/score:1")
    assert theirs["env"] == [{"name": "HOME", "value": "/tmp"}]
    assert not theirs.get("envFrom")
    assert "imagePullPolicy" not in theirs
    assert [one["secretRef"]["name"] for one in ours["envFrom"]] == ["medallion-warehouse"]
    assert {"MEDALLION_TASK_0", "MEDALLION_COMMAND_IMAGE"} <= {one["name"] for one in ours["env"]}


def test_login_and_secret_reach_the_team_on_request_only():
    ours, theirs = made(warehouse=True, secret="api-key")["containers"]
    assert [one["secretRef"]["name"] for one in theirs["envFrom"]] == ["medallion-warehouse", "api-key"]
    assert [one["secretRef"]["name"] for one in ours["envFrom"]] == ["medallion-warehouse"]


def test_launcher_is_read_only_in_the_teams_container():
    spec = made()
    ours, theirs = spec["containers"]
    (installer,) = spec["initContainers"]
    shared = [
        {one["name"]: one.get("readOnly", False) for one in made["volumeMounts"]} for made in (ours, theirs, installer)
    ]
    assert [mounts["launcher"] for mounts in shared] == [False, True, False]
    assert theirs["command"][0] == "/medallion/ld.so"
    assert installer["image"] == ours["image"] == "cleaner"
    assert ours["command"] == ["/venv/bin/python", "-m", "medallion.command"]
    assert "shareProcessNamespace" not in spec  # /proc/<pid>/environ of Medallion's process has the login


def test_every_container_is_restricted_and_limited():
    spec = made(run_as_user=1234, resources={"cpu": "1", "memory": "2Gi"})
    containers = [*spec["containers"], *spec["initContainers"]]
    for one in containers:
        assert not one["securityContext"]["allowPrivilegeEscalation"]
        assert one["securityContext"]["readOnlyRootFilesystem"]
        assert one["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert one["resources"]["limits"]["memory"]
        assert one["resources"]["requests"]["cpu"]
    assert [one["securityContext"].get("runAsUser") for one in containers] == [None, 1234, None]
    assert [one["resources"]["limits"]["memory"] for one in containers] == ["192Mi", "2Gi", "192Mi"]


def test_pod_of_another_step_stays_as_it_is():
    pipeline = Pipeline.model_validate({"name": "p", "owner": "me", "models": "m", "layers": [{"name": "silver"}]})
    pod = k8s.V1Pod(spec=k8s.V1PodSpec(containers=[k8s.V1Container(name="base")]))
    add_command(pod, "base", make_plan(pipeline, {}, RunContext("r", "/l")).steps[0], Settings.from_environment())
    assert pod.spec == k8s.V1PodSpec(containers=[k8s.V1Container(name="base")])
