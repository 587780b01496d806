"""Random dbt projects of several layers, as nodes and as files. Everything that they hold can be built and tested."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

LAYERS = ("bronze", "silver", "gold")


@dataclass
class Thing:
    """A model, seed, snapshot, source or test; `layer` is None for what no layer selects, `reads` are names."""

    name: str
    kind: str
    reads: tuple[str, ...] = ()
    layer: int | None = None
    materialized: str = "table"


@dataclass
class Generated:
    things: dict[str, Thing] = field(default_factory=dict)

    def add(self, thing: Thing) -> None:
        self.things[thing.name] = thing

    def of(self, *kinds: str) -> list[Thing]:
        return [thing for thing in self.things.values() if thing.kind in kinds]


def generate(seed: int, models: int = 9, tests: int = 14) -> Generated:
    """A project: each model reads what is earlier in the list, so no edge goes to a later layer."""
    dice, project = random.Random(seed), Generated()
    project.add(Thing("orders", "source"))
    for number in range(dice.randint(1, 3)):
        project.add(Thing(f"seed_{number}", "seed"))
    for number in range(models):
        layer = min(len(LAYERS) - 1, number * len(LAYERS) // models)
        known = list(project.things)
        reads = tuple(dice.sample(known, min(len(known), dice.randint(1, 3))))
        kinds = ["table", "view", "incremental", "materialized_view", "ephemeral"]
        materialized = "table" if number % 3 == 0 else dice.choice(kinds)
        project.add(Thing(f"m{number}", "model", reads, layer, materialized))
        if dice.random() < 0.2:
            project.add(Thing(f"snap_{number}", "snapshot", (f"m{number}",)))
    # A snapshot that nothing reads has no layer: the last model reads them all.
    last = f"m{models - 1}"
    project.things[last].reads += tuple(t.name for t in project.of("snapshot") if t.name != f"snap_{models - 1}")
    project.things.pop(f"snap_{models - 1}", None)
    project.things[last].materialized = "table"
    seeds_read = {name for thing in project.things.values() for name in thing.reads}
    for thing in project.of("seed"):
        if thing.name not in seeds_read:
            project.things[last].reads += (thing.name,)
    project.things[last].reads += ("orders",)  # a test of a source that nothing reads has no layer
    project.things[last].reads = tuple(dict.fromkeys(project.things[last].reads))
    names = [thing.name for thing in project.of("model", "seed", "snapshot", "source")]
    for number in range(tests):
        reads = tuple(dice.sample(names, dice.choice((1, 1, 2, 2, 3))))
        project.add(Thing(f"t{number}", "test", reads))
    return project


def files_of(project: Generated) -> dict[str, str]:
    """The project as files. Each relation has a column `id`; every test passes if what it reads is there."""
    files: dict[str, str] = {}
    for thing in project.things.values():
        reads = " union all ".join(f"select id from {_call(project, name)}" for name in thing.reads)
        if thing.kind == "seed":
            files[f"seeds/{thing.name}.csv"] = "id\n1\n2\n"
        elif thing.kind == "model":
            config = f"{{{{ config(materialized='{thing.materialized}') }}}} "
            files[f"models/shop/{LAYERS[thing.layer or 0]}/{thing.name}.sql"] = (
                f"{config}select distinct id from ({reads}) as x"
            )
        elif thing.kind == "snapshot":
            config = "{{ config(unique_key='id', strategy='check', check_cols='all') }}"
            files[f"snapshots/{thing.name}.sql"] = f"{{% snapshot {thing.name} %}}{config} {reads}{{% endsnapshot %}}"
        elif thing.kind == "test":
            files[f"tests/{thing.name}.sql"] = f"select id from ({reads}) as x where id < 0"
    return files


def _call(project: Generated, name: str) -> str:
    return "{{ source('raw', 'orders') }}" if project.things[name].kind == "source" else f"{{{{ ref('{name}') }}}}"
