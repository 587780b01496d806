"""What a step of a run is: one command of one image, as a source, a layer or an own step of the pipeline asks for.

Rules about tasks' names, retries and resources live here and nowhere else.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Literal

from medallion.config.own_step import OwnStep
from medallion.config.pipeline import Layer, Pipeline
from medallion.config.resources import Resources
from medallion.config.retry import RetryConfig
from medallion.protocol.work import CommandWork, FreshnessWork, LayerWork, Work

Image = Literal["cleaner", "dbt"]
Phase = Literal["build", "run", "test"]


@dataclass(frozen=True)
class Step:
    """One command of one image: a pod on Kubernetes, a process on a laptop.

    `work` is what it does. `needs` are the steps whose success the ledger must hold before this one starts.
    `reads_landing` is whether it reads the landing volume. `secret` is the name of a Secret with a source's credentials
    and the prefix that its keys get. A team's own command has a container of its own next to that of `image`:
    `resources`, `secret` and `run_as_user` are that container's. A step with `own_pod` shares its pod with no other.
    """

    name: str
    task_id: str
    group: tuple[str, ...]
    image: Image
    work: Work
    needs: tuple[str, ...]
    resources: Resources
    retry: RetryConfig
    timeout_seconds: int
    layer: str | None = None
    title: str = ""
    reads_landing: bool = False
    secret: tuple[str, str] | None = None
    own_pod: bool = False
    run_as_user: int | None = None

    @property
    def module(self) -> str:
        """The command that does the work, as `python -m` names it; each image's ENTRYPOINT too."""
        return "medallion.command" if isinstance(self.work, CommandWork) else f"medallion.{self.image}"


def freshness_step(pipeline: Pipeline, needs: tuple[str, ...]) -> Step:
    """Return the step that checks how old the sources of the models are."""
    return Step(
        name="freshness",
        task_id="dbt_source_freshness",
        group=pipeline.task_groups.transform_path,
        image="dbt",
        work=FreshnessWork(kind="freshness", select=f"path:models/{pipeline.models}", dbt=pipeline.dbt),
        needs=needs,
        resources=pipeline.resources.dbt,
        retry=pipeline.retry_config,
        timeout_seconds=pipeline.timeouts.step_seconds,
        title=f"Checks when the sources of {pipeline.models} were last delivered",
    )


def own_step(pipeline: Pipeline, step: OwnStep, needs: tuple[str, ...]) -> Step:
    """Return the step that runs a team's own command."""
    return Step(
        name=step.name,
        task_id=step.name,
        group=(),
        image="cleaner",
        work=CommandWork(
            kind="command",
            image=step.image,
            command=step.command,
            args=step.args,
            env=step.env,
            warehouse=step.warehouse,
        ),
        needs=needs,
        resources=step.resources,
        retry=step.retry(pipeline.retry_config),
        timeout_seconds=step.timeout_seconds or pipeline.timeouts.step_seconds,
        title=f"Runs {shlex.join((*step.command, *step.args))[:200]} in the image {step.image}",
        secret=(step.secret, "") if step.secret else None,
        run_as_user=step.run_as_user,
    )


def layer_step(pipeline: Pipeline, layer: Layer, phase: Phase, needs: tuple[str, ...], *, full_refresh: bool) -> Step:
    """Return the step that runs a layer's models, tests them, or does both."""
    whole = phase == "build"
    name = layer.name if whole else f"{layer.name}.{phase}"
    top = pipeline.task_groups.transform_path
    flags = {
        "publish": layer.is_published,
        "on_test_failure": layer.on_test_failure,
        "full_refresh": full_refresh,
    }
    does = {"build": "Runs and tests", "run": "Runs", "test": "Tests"}[phase]
    return Step(
        name=name,
        task_id=layer.name if whole else f"dbt_{phase}_{layer.name}",
        group=top if whole else (*top, layer.name),
        image="dbt",
        work=LayerWork(
            kind="layer",
            layer=layer.name,
            select=pipeline.selectors[layer.name],
            phase=phase,
            layers=tuple(pipeline.selectors.items()),
            models=pipeline.models or "",
            dbt=pipeline.dbt,
            **flags,
        ),
        needs=needs,
        resources=pipeline.resources.dbt,
        retry=pipeline.retry_config,
        timeout_seconds=pipeline.timeouts.step_seconds,
        layer=layer.name,
        title=f"{does} the {layer.name} models of {pipeline.models or pipeline.dbt.project}"
        + (", then publishes them" if layer.is_published and phase != "run" else ""),
    )
