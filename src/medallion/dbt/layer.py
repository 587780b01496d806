"""A layer: its models are built in a separate schema, tested, and then published by one transaction."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

from psycopg import sql

from medallion.dbt import by_hand, refusals
from medallion.dbt.as_text import builds_as_text
from medallion.dbt.commands import Dbt, as_failure
from medallion.dbt.hooks import Hooks, Moment
from medallion.dbt.incremental import carry_on
from medallion.dbt.open_project import Project, open_project
from medallion.dbt.project import load_seeds_first, named
from medallion.dbt.relocate import find_in, guard, relocate
from medallion.dbt.results import UNCHANGED, broken_hooks, model_results, test_results
from medallion.dbt.share import Share, find_share
from medallion.errors import StepFailure, TestFailed, WarehouseUnavailable
from medallion.protocol.result import ModelResult, TaskResult, TestResult
from medallion.protocol.work import LayerWork
from medallion.runtime.session import Session
from medallion.warehouse import builds, increments, publication, views
from medallion.warehouse import relations as contents


def run_layer(layer: LayerWork, session: Session) -> None:
    """Do a layer's phase and record it.

    Raises:
        ModelFailed: A model or a hook failed.
        TestFailed: A test failed and the layer is a gate; nothing was published.
        WarehouseUnavailable: The database went away.
        Misconfigured: The selector chooses nothing, a test belongs to no layer, a published name is taken by something
            else, or a view would show what no test has passed.
    """
    with tempfile.TemporaryDirectory(prefix="medallion-dbt-") as target:
        project = open_project(layer, session, Path(target))
        _Work(layer, session, project, Path(target)).do()


class _Work:
    def __init__(self, layer: LayerWork, session: Session, project: Project, target: Path) -> None:
        self._layer, self._session, self._project = layer, session, project
        self._dbt = Dbt(project, target, session.log)
        self._hooks = Hooks(project.manifest)
        self._models: tuple[ModelResult, ...] = ()
        self._tests: tuple[TestResult, ...] = ()
        self._relations: dict[str, list[str]] = defaultdict(list)
        """What the layer builds: relations by the schema that readers know."""
        self._builds: dict[str, str] = {}
        """The build of each of those schemas."""
        self._all: set[tuple[str, str]] = set()
        """Schema and name of what all layers build."""

    def do(self) -> None:
        layer = self._layer
        whole = bool(layer.layers)
        share = find_share(self._project, layer.order, layer.layer, layer.models, whole=whole)
        if share.left_out:
            what = f"not run, as --layers does not name the other layers: {', '.join(share.left_out)}"
            self._session.log.event("tests_left_out", what, "warning")
        for name in share.unbuilt if layer.layer == next(iter(layer.order)) else ():
            self._session.log.event("not_built", f"{name} is in no layer, so nothing builds it", "warning")
        schemas = sorted({f"{self._session.step.schema_prefix}{schema}" for schema in share.schemas})
        self._relocate(share)
        if layer.phase != "test":
            self._run(share, schemas)
        if layer.phase != "run":
            self._test(share)
        self._finish()

    def _relocate(self, share: Share) -> None:
        """Place the project: what this layer builds goes into this run's builds, the rest is where readers see it."""
        manifest, step, connection = self._project.manifest, self._session.step, self._session.connection
        fresh, database = self._layer.phase != "test", connection.info.dbname
        where: dict[str, tuple[str, str]] = {}
        self._all = {(f"{step.schema_prefix}{schema}", name) for schema, name in share.relations}
        for unique_id in sorted(share.builds):
            if unique_id in manifest.nodes:
                node: Any = manifest.nodes[unique_id]
                where[unique_id] = f"{step.schema_prefix}{node.schema}", node.alias
                self._relations[where[unique_id][0]].append(node.alias)
        others = [*manifest.nodes.values(), *manifest.sources.values()]
        pins = builds.pinned(connection, {f"{step.schema_prefix}{node.schema}" for node in others})
        if fresh:
            self._refuse_taken(share)
            by_hand.refuse_in_hooks(self._nodes(share), self._named)
        if self._layer.publish and fresh:
            self._refuse(share, where, pins)
        for schema in self._relations:
            connection.execute(sql.SQL("create schema if not exists {}").format(sql.Identifier(schema)))
            self._builds[schema] = builds.start(connection, schema, step, fresh=fresh, only=not self._layer.publish)
        placed = {unique_id: self._builds[schema] for unique_id, (schema, _) in where.items()}
        if fresh:
            built = {unique_id: (schema, self._builds[schema]) for unique_id, (schema, _) in where.items()}
            carry_on(manifest, connection, built, self._layer.full_refresh)
        places = relocate(manifest, database, step.schema_prefix, placed, pins, share.twins)
        find_in(places, step.schema_prefix)
        # dbt has sessions of its own: they may write only while this attempt holds its lock.
        guard(manifest, self._session.fence.statement)

    def _refuse_taken(self, share: Share) -> None:
        """Refuse, with the first layer already, to replace what Medallion did not make in any layer."""
        step, names = self._session.step, defaultdict(list)
        for schema, name in share.relations:
            names[f"{step.schema_prefix}{schema}"].append(name)
        views.refuse_taken(self._session.connection, step.pipeline, names)

    def _refuse(self, share: Share, where: dict[str, tuple[str, str]], pins: dict[tuple[str, str], str]) -> None:
        """Refuse, before anything is written, what cannot be published safely."""
        manifest, prefix = self._project.manifest, self._session.step.schema_prefix
        growing = increments.growing(self._session.connection)
        fixed = {*where, *(source for source, twin in share.twins.items() if twin in where)}
        for node in (*manifest.nodes.values(), *manifest.sources.values()):
            name = str(getattr(node, "alias", None) or getattr(node, "identifier", ""))
            build = pins.get((f"{prefix}{node.schema}", name))
            if build is not None and build not in growing:
                fixed.add(node.unique_id)
        refusals.refuse([*refusals.exposed_views(manifest, share.nodes, where, fixed)])

    def _run(self, share: Share, schemas: list[str]) -> None:
        layer, moments = self._layer, self._moments()
        load_seeds_first(self._project.manifest, share.builds)
        with self._hooks.at(moments, schemas, self._session.connection.info.dbname):
            results = self._dbt.build([*share.builds, *share.ephemeral], layer.full_refresh)
        self._models = model_results(results)
        skipped = [model.name for model in self._models if model.status == "skipped"]
        failed = [model for model in self._models if model.status not in ("success", "no-op", "skipped")]
        hooks = broken_hooks(results)
        if failed or skipped or hooks:
            also = f"; not built because of it: {', '.join(skipped)}" if skipped else ""
            what = "\n".join([*(f"{model.name} failed: {model.message}" for model in failed), *hooks])
            failure = as_failure(what)
            failure.message, failure.outcome = what + also, self._outcome()
            raise failure
        self._all_ran(share.builds, results)
        for file, name in builds_as_text(results, self._builds.values()):
            what = f"{file}: {name} has the name of a build as text, not of what readers use"
            self._session.log.event("build_as_text", what, "warning", model=name)
        by_hand.refuse_in_code(results, self._named)
        files = {node.alias: node.original_file_path for node in self._nodes(share)}
        for schema, build in self._builds.items():
            refusals.refuse_readers_rights(self._session.connection, build, schema, files)
            if layer.publish:
                refusals.refuse_exposed(self._session.connection, build, schema, files)
            for name in sorted(contents.names(self._session.connection, build) - {*self._relations[schema]}):
                what = f"a hook or macro made {schema}.{name}, which is not a model: readers do not see it"
                self._session.log.event("not_published", what, "warning", relation=f"{schema}.{name}")

    def _nodes(self, share: Share) -> list[Any]:
        """What the layer builds, but for functions."""
        nodes = self._project.manifest.nodes
        return [nodes[id] for id in sorted(share.builds) if id in nodes]

    @property
    def _named(self) -> list[tuple[str, str]]:
        """Schema and name of what the layer builds, as readers know it."""
        return [(schema, name) for schema, names in self._relations.items() for name in names]

    def _moments(self) -> list[Moment]:
        """The hooks that are due with this layer's models."""
        names = list(self._layer.order)
        first: list[Moment] = ["on-run-start"] if self._layer.layer == names[0] else []
        return [*first, "on-run-end"] if self._layer.layer == names[-1] else first

    def _all_ran(self, chosen: frozenset[str], results: list[Any]) -> None:
        missing = chosen - {result.node.unique_id for result in results}
        if missing:
            names = ", ".join(sorted(named(self._project.manifest, id).name for id in missing))
            raise StepFailure(f"dbt has no result for {names}", "please report this with the log", self._outcome())

    def _test(self, share: Share) -> None:
        results = self._dbt.test(share.tests)
        self._tests = test_results(results, self._session.connection)
        self._all_ran(share.tests, results)
        by_hand.refuse_in_code(results, self._named)
        self._warn()
        failed = [test for test in self._tests if test.status in ("fail", "error")]
        if not failed:
            return
        broken = as_failure("\n".join(test.message for test in failed if test.status == "error"))
        if isinstance(broken, WarehouseUnavailable):
            broken.outcome = self._outcome()
            raise broken
        what = f"{len(failed)} of {len(self._tests)} tests of {self._layer.layer} failed"
        lines = "".join(f"\n{_line(test)}" for test in failed)
        if self._layer.on_test_failure == "stop":
            unpublished = "; nothing was published, readers see the last good data" if self._layer.publish else ""
            raise TestFailed(
                f"{what}{unpublished}:{lines}",
                "look at the failing rows, correct the data or the model, and run again",
                self._outcome(),
            )
        self._session.log.event("gate_open", f"{what}; going on, as the layer is no gate:{lines}", "warning")

    def _warn(self) -> None:
        warned = [test for test in self._tests if test.status == "warn"]
        if warned:
            lines = "".join(f"\n{_line(test)}" for test in warned)
            what = f"{len(warned)} of {len(self._tests)} tests of {self._layer.layer} warn:{lines}"
            self._session.log.event("tests_warned", what, "warning", tests=[test.name for test in warned])

    def _finish(self) -> None:
        session, showing = self._session, self._layer.phase != "run"
        retired = []
        with session.connection.transaction():
            if showing:
                publication.assert_unchanged(session.connection, session.step.pipeline, self._relations)
            for schema, names in self._relations.items() if showing else ():
                retired.append(self._show(schema, names))
            session.record(self._outcome())
        if showing and self._relations and self._layer.publish:
            published = ", ".join(f"{schema}.{name}" for schema, names in self._relations.items() for name in names)
            session.log.event("published", f"published {published}")
        if showing:
            self._tell_retired(retired)
            session.clean_up()

    def _show(self, schema: str, names: list[str]) -> publication.Retired:
        connection, build = self._session.connection, self._builds[schema]
        kept = [name for other, name in self._all if other == schema]
        if self._layer.publish:
            return publication.publish(connection, schema, build, names, kept=kept)
        return publication.hand_on(connection, schema, build, names, kept=kept)

    def _tell_retired(self, retired: list[publication.Retired]) -> None:
        log, layer = self._session.log, self._layer.layer
        for name in (name for one in retired for name in one.dropped):
            log.event("retired", f"{name} is dropped: {layer} no longer has it", "warning", relation=name)
        for name in (name for one in retired for name in one.kept):
            why = f"{layer} no longer has it, and other views use it: it stays as it was"
            log.event("outdated", f"{name}: {why}", "warning", relation=name)

    def _outcome(self) -> TaskResult:
        same = sum(model.message == UNCHANGED for model in self._models)
        done = [f"{len(self._models)} models" + (f", {same} of them as before" if same else "")] if self._models else []
        passed = sum(test.status in ("pass", "warn") for test in self._tests)
        warned = sum(test.status == "warn" for test in self._tests)
        done += [f"{passed} of {len(self._tests)} tests passed"] if self._tests else []
        done += [f"{warned} of them with a warning"] if warned else []
        return TaskResult(
            models=self._models,
            tests=self._tests,
            files_parsed=self._project.files_parsed,
            message=", ".join(done) or "nothing to do",
        )


def _line(test: TestResult) -> str:
    if test.status == "error":
        return f"{test.name}: {test.message}"
    sample = f", such as {test.sample[0]}" if test.sample else ""
    return f"{test.name}: {test.failures} failing rows{sample}"
