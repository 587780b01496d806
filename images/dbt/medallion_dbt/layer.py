"""A layer: its models are built, tested and, if readers use it, published by one transaction."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from medallion.failures import Misconfigured, TestFailed, WarehouseAway
from medallion.outcome import ModelResult, Outcome, TestResult
from medallion.step import Session
from medallion.warehouse import builds
from medallion_dbt.commands import Dbt, failure_of
from medallion_dbt.incremental import carry_on
from medallion_dbt.manifest import Parsed, load_manifest
from medallion_dbt.relocate import guard, relocate
from medallion_dbt.results import UNCHANGED, model_results, test_results

Phase = Literal["build", "run", "test"]


@dataclass(frozen=True)
class Layer:
    """What to do with a layer: which models, which phase, and who may see the result."""

    name: str
    select: str
    phase: Phase
    publish: bool = False
    gate: bool = True
    full_refresh: bool = False


def run_layer(layer: Layer, session: Session) -> None:
    """Does a layer's phase and records it.

    Raises:
        ModelFailed: A model did not build.
        TestFailed: A test failed and the layer is a gate; nothing was published.
        WarehouseAway: The database went away.
        Misconfigured: The selector chooses no model, or a published name is taken by something else.
    """
    with tempfile.TemporaryDirectory(prefix="medallion-dbt-") as target:
        parsed = load_manifest()
        session.log.event("manifest_loaded", f"dbt's manifest is {parsed.source}", parse=parsed.source)
        _Work(layer, session, parsed, Path(target)).do()


class _Work:
    def __init__(self, layer: Layer, session: Session, parsed: Parsed, target: Path) -> None:
        self._layer, self._session, self._parsed, self._target = layer, session, parsed, target
        self._models: tuple[ModelResult, ...] = ()
        self._tests: tuple[TestResult, ...] = ()
        self._relations: dict[str, list[str]] = defaultdict(list)
        """What to publish: relations by the schema that readers know."""
        self._builds: dict[str, str] = {}
        """The build of each of those schemas."""

    def do(self) -> None:
        layer, dbt = self._layer, Dbt(self._parsed.manifest, self._target, self._session.log)
        chosen = dbt.models(layer.select)
        if not chosen:
            raise Misconfigured(
                f"no model fits the selector {layer.select!r}",
                "check `models` and `layers[].select` in the pipeline file against the dbt project's folders",
            )
        self._relocate(chosen)
        if layer.phase != "test":
            self._run(dbt)
        if layer.phase != "run":
            self._test(dbt)
        self._finish()

    def _relocate(self, chosen: list[str]) -> None:
        """Places the project; what is published goes into the schema of this run's build."""
        manifest, step, connection = self._parsed.manifest, self._session.step, self._session.connection
        built: dict[str, tuple[str, str]] = {}
        for unique_id in chosen if self._layer.publish else ():
            node: Any = manifest.nodes[unique_id]
            if node.config.materialized == "ephemeral":
                continue
            schema = f"{step.schema_prefix}{node.schema}"
            if schema not in self._builds:
                self._builds[schema] = builds.start(connection, schema, step, fresh=self._layer.phase != "test")
            self._relations[schema].append(node.alias)
            built[unique_id] = schema, self._builds[schema]
        if self._layer.phase != "test":
            carry_on(manifest, connection, built, self._layer.full_refresh)
        placed = {unique_id: build for unique_id, (_, build) in built.items()}
        relocate(manifest, connection.info.dbname, step.schema_prefix, placed)
        # dbt has sessions of its own: they may write only while this attempt holds its lock.
        guard(manifest, self._session.fence.statement)

    def _run(self, dbt: Dbt) -> None:
        self._models = model_results(dbt.run(self._layer.select, self._layer.full_refresh))
        skipped = [model.name for model in self._models if model.status == "skipped"]
        failed = [model for model in self._models if model.status not in ("success", "no-op", "skipped")]
        if failed or skipped:
            also = f"; not built because of it: {', '.join(skipped)}" if skipped else ""
            what = "\n".join(f"model {model.name} failed: {model.message}" for model in failed)
            failure = failure_of(what)
            failure.message, failure.outcome = what + also, self._outcome()
            raise failure

    def _test(self, dbt: Dbt) -> None:
        self._tests = test_results(dbt.test(self._layer.select), self._session.connection)
        failed = [test for test in self._tests if test.status in ("fail", "error")]
        if not failed:
            return
        broken = failure_of("\n".join(test.message for test in failed if test.status == "error"))
        if isinstance(broken, WarehouseAway):
            broken.outcome = self._outcome()
            raise broken
        what = f"{len(failed)} of {len(self._tests)} tests of {self._layer.name} failed"
        lines = "".join(f"\n{_line(test)}" for test in failed)
        if self._layer.gate:
            unpublished = "; nothing was published, readers see the last good data" if self._layer.publish else ""
            raise TestFailed(
                f"{what}{unpublished}:{lines}",
                "look at the failing rows, mend the data or the model, and run again",
                self._outcome(),
            )
        self._session.log.event("gate_open", f"{what}; going on, as the layer is no gate:{lines}", "warning")

    def _finish(self) -> None:
        session, publishing = self._session, self._layer.phase != "run"
        retired = []
        with session.connection.transaction():
            for schema, names in self._relations.items() if publishing else ():
                retired.append(builds.publish(session.connection, schema, self._builds[schema], names))
            session.record(self._outcome())
        if publishing and self._relations:
            published = ", ".join(f"{schema}.{name}" for schema, names in self._relations.items() for name in names)
            session.log.event("published", f"published {published}")
            self._tell_retired(retired)
        session.clean_up()

    def _tell_retired(self, retired: list[builds.Retired]) -> None:
        log, layer = self._session.log, self._layer.name
        for name in (name for one in retired for name in one.dropped):
            log.event("retired", f"{name} is dropped: {layer} no longer has it", "warning", relation=name)
        for name in (name for one in retired for name in one.kept):
            why = f"{layer} no longer has it, and other views use it: it stays as it was"
            log.event("outdated", f"{name}: {why}", "warning", relation=name)

    def _outcome(self) -> Outcome:
        same = sum(model.message == UNCHANGED for model in self._models)
        done = [f"{len(self._models)} models" + (f", {same} of them as before" if same else "")] if self._models else []
        passed = sum(test.status in ("pass", "warn") for test in self._tests)
        done += [f"{passed} of {len(self._tests)} tests passed"] if self._tests else []
        return Outcome(
            models=self._models,
            tests=self._tests,
            parse=self._parsed.source,
            message=", ".join(done) or "nothing to do",
        )


def _line(test: TestResult) -> str:
    if test.status == "error":
        return f"{test.name}: {test.message}"
    sample = f", such as {test.sample[0]}" if test.sample else ""
    return f"{test.name}: {test.failures} failing rows{sample}"
