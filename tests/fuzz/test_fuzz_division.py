"""Each test of a project runs once, in the last layer of its parents: projects by the thousand, run on paper."""

from __future__ import annotations

import os
import random

import pytest

pytest.importorskip("dbt.cli.main")

from medallion.dbt.division import Division, Node, divide
from projects import LAYERS, Generated, generate

PROJECTS = 60 * int(os.environ.get("MEDALLION_FUZZ", "1"))
SEED = int(os.environ.get("MEDALLION_FUZZ_SEED", "12"))


def nodes_of(project: Generated) -> dict[str, Node]:
    return {
        name: Node(name, thing.kind, frozenset(thing.reads), name, f"{name}.sql", thing.materialized == "ephemeral")  # type: ignore[arg-type]
        for name, thing in project.things.items()
    }


def selected_of(project: Generated) -> dict[str, set[str]]:
    return {
        layer: {thing.name for thing in project.of("model") if thing.layer == index}
        for index, layer in enumerate(LAYERS)
    }


def stored(project: Generated, name: str) -> set[str]:
    """What the SQL of a thing reads: itself, or what an ephemeral model reads."""
    thing = project.things[name]
    if thing.materialized != "ephemeral":
        return {name}
    return {read for parent in thing.reads for read in stored(project, parent)}


def run_on_paper(project: Generated, division: Division) -> dict[str, list[str]]:
    """Builds the layers in order; fails where anything reads what is not there. Returns the layers of each test."""
    there, ran = {thing.name for thing in project.of("source")}, {}
    for layer in LAYERS:
        waiting = set(division.builds[layer])
        while waiting:
            ready = {
                name for name in waiting if all(stored(project, read) <= there for read in project.things[name].reads)
            }
            assert ready, f"{layer} cannot build {sorted(waiting)}"
            there |= ready
            waiting -= ready
        for test in division.tests[layer]:
            reads = {name for read in project.things[test].reads for name in stored(project, read)}
            assert reads <= there, f"{test} runs in {layer} before {sorted(reads - there)}"
            ran.setdefault(test, []).append(layer)
    return ran


@pytest.mark.fuzz
def test_each_dbt_test_runs_once_in_its_last_parents_layer():
    for seed in range(SEED, SEED + PROJECTS):
        dice = random.Random(seed)
        project = generate(seed, models=dice.randint(3, 15), tests=dice.randint(0, 40))
        division = divide(nodes_of(project), selected_of(project))
        where = f"seed {seed}"
        assert division.problems == (), where
        ran = run_on_paper(project, division)
        assert dict.fromkeys((thing.name for thing in project.of("test")), 1) == {
            name: len(layers) for name, layers in ran.items()
        }, where
        built = {name: layer for layer, names in division.builds.items() for name in names}
        everything = {t.name for t in project.of("model", "seed", "snapshot") if t.materialized != "ephemeral"}
        assert built.keys() == everything, where
        for test, (layer,) in ran.items():
            parents = project.things[test].reads
            own = {built[name] for read in parents for name in stored(project, read) if name in built}
            own |= {
                LAYERS[project.things[p].layer or 0] for p in parents if project.things[p].materialized == "ephemeral"
            }
            assert not own or layer == max(own, key=LAYERS.index), f"{where}: {test}"


@pytest.mark.fuzz
def test_invalid_project_is_refused_with_the_reason():
    for seed in range(SEED, SEED + PROJECTS):
        dice = random.Random(seed)
        project = generate(seed, models=9)
        fault = dice.choice(("later", "outside test", "nothing", "twice", "outside model"))
        selected = selected_of(project)
        stable = [thing for thing in project.of("model") if thing.materialized != "ephemeral"]
        if fault == "later":
            culprit = dice.choice([thing for thing in stable if thing.layer == 0])
            culprit.reads += ("m8",)
        elif fault == "outside test":
            project.things["lost"] = culprit = type(stable[0])("lost", "model")
            project.things["t0"].reads = ("lost", dice.choice(stable).name)
            culprit = project.things["t0"]
        elif fault == "nothing":
            culprit = project.things["t0"]
            culprit.reads = ()
        elif fault == "twice":
            culprit = dice.choice([thing for thing in stable if thing.layer == 0])
            selected["gold"].add(culprit.name)
        else:
            project.things["lost"] = type(stable[0])("lost", "model")
            culprit = dice.choice(stable)
            culprit.reads += ("lost",)
        scope = frozenset({"lost"} & project.things.keys())
        division = divide(nodes_of(project), selected, scope)
        assert culprit.name in {problem.node for problem in division.problems}, f"seed {seed}: {fault}"
