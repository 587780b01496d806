"""Which layer builds each node of a dbt project, and which layer runs each test.

Each test belongs to one gate: the last layer that holds one of its parents. So a test never runs before what it reads
is built, and never after what it tests is published.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["model", "seed", "snapshot", "function", "source", "test", "unit_test"]
BUILT = ("model", "seed", "snapshot", "function")
TESTS = ("test", "unit_test")
JOINING = ("seed", "snapshot", "function")
"""What the first layer that reads it builds, if no layer selects it."""


@dataclass(frozen=True)
class Node:
    """What matters of a node of a dbt project. An ephemeral model is part of the SQL of what reads it."""

    id: str
    kind: Kind
    parents: frozenset[str] = frozenset()
    name: str = ""
    file: str = ""
    ephemeral: bool = False


@dataclass(frozen=True, order=True)
class Problem:
    """Why a project cannot be divided among layers: the node and its file, what is wrong, and what to do."""

    file: str
    node: str
    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.file}: {self.message}"


@dataclass
class Division:
    """The nodes that each layer builds and the tests that it runs, by the layer's name.

    Attributes:
        problems: What must be changed before anything is built.
        unbuilt: Models of the pipeline's own folder that no layer builds.
        left_out: Tests that read something of another layer, where the other layers are not known.
    """

    builds: dict[str, frozenset[str]]
    tests: dict[str, frozenset[str]]
    problems: tuple[Problem, ...] = ()
    unbuilt: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def everything(self) -> frozenset[str]:
        """All nodes and tests that some layer has."""
        return frozenset().union(*self.builds.values(), *self.tests.values())


def divide(
    nodes: Mapping[str, Node],
    selected: Mapping[str, Iterable[str]],
    scope: frozenset[str] = frozenset(),
    *,
    whole: bool = True,
) -> Division:
    """Divide a project among the layers of one pipeline.

    Args:
        nodes: The project, by unique id.
        selected: What each layer's selector chooses, by the layer's name, in the order in which they run.
        scope: Models that are the pipeline's own: what tests or reads them must be in a layer.
        whole: Whether these are all of the pipeline's layers.
    """
    own = frozenset(id for id in scope if id in nodes and nodes[id].kind in BUILT)
    return _Work(nodes, {name: frozenset(chosen) for name, chosen in selected.items()}, own, whole).division()


@dataclass
class _Work:
    nodes: Mapping[str, Node]
    selected: Mapping[str, frozenset[str]]
    scope: frozenset[str]
    whole: bool
    left_out: set[str] = field(default_factory=set)
    place: dict[str, int] = field(default_factory=dict)
    problems: set[Problem] = field(default_factory=set)

    def division(self) -> Division:
        self.names = tuple(self.selected)
        self._place_selected()
        for node in [id for id, _ in sorted(self.place.items(), key=lambda item: (item[1], item[0]))]:
            self._join(node, self.place[node])
        gates = self._gates()
        self._check_order()
        self._check_snapshots()
        unbuilt = sorted(id for id in self.scope if not self.nodes[id].ephemeral and id not in self.place)
        return Division(
            {name: self._of(self.place, index) for index, name in enumerate(self.names)},
            {name: frozenset(id for id, gate in gates.items() if gate == i) for i, name in enumerate(self.names)},
            tuple(sorted(self.problems)),
            tuple(unbuilt),
            tuple(sorted(self.left_out)),
        )

    def _gates(self) -> dict[str, int]:
        """The layer of each test. A seed that only a test reads is placed by it, and may give other tests a layer."""
        while True:
            known, readers = len(self.place), self._readers()
            gates = {node.id: self._gate(node, readers) for node in self.nodes.values() if node.kind in TESTS}
            found = {id: gate for id, gate in gates.items() if gate is not None}
            for test, gate in sorted(found.items(), key=lambda item: (item[1], item[0])):
                self._join(test, gate)
            if len(self.place) == known:
                return found

    def _of(self, place: Mapping[str, int], index: int) -> frozenset[str]:
        return frozenset(id for id, where in place.items() if where == index and not self.nodes[id].ephemeral)

    def _place_selected(self) -> None:
        for index, name in enumerate(self.names):
            for id in self.selected[name]:
                if id not in self.nodes or self.nodes[id].kind not in BUILT:
                    continue
                first = self.place.setdefault(id, index)
                if first != index and not self.nodes[id].ephemeral:
                    both = f"the layers {self.names[first]} and {name} both select it"
                    self._problem(id, both, "change one of the two `select` in the pipeline file")

    def _join(self, id: str, index: int) -> None:
        """Place seeds, snapshots and functions that no layer selects in the first layer that reads them."""
        for parent in self._parents(id):
            if parent not in self.place and self.nodes[parent].kind in JOINING:
                self.place[parent] = index
                self._join(parent, index)

    def _parents(self, id: str) -> Iterator[str]:
        """What a node's SQL reads: the parents of an ephemeral model stand in for it."""
        waiting, known = sorted(self.nodes[id].parents), set()
        while waiting:
            parent = waiting.pop()
            if parent in known or parent not in self.nodes:
                continue
            known.add(parent)
            if self.nodes[parent].ephemeral:
                waiting.extend(sorted(self.nodes[parent].parents))
            else:
                yield parent

    def _readers(self) -> dict[str, int]:
        """The first layer that reads, or selects, each source and each node of no layer."""
        found: dict[str, int] = {}
        for id, index in self.place.items():
            for parent in self._parents(id) if not self.nodes[id].ephemeral else ():
                if parent not in self.place:
                    found[parent] = min(index, found.get(parent, index))
        for index, name in enumerate(self.names):
            for id in self.selected[name]:
                if id in self.nodes and self.nodes[id].kind == "source":
                    found[id] = min(index, found.get(id, index))
        return found

    def _gate(self, test: Node, readers: Mapping[str, int]) -> int | None:
        """The test's layer; None if it is another pipeline's, or has no layer at all."""
        read = set(self._parents(test.id))
        if not test.parents:
            what = f"the test {test.name} reads no model and no source, so no layer can run it"
            self._problem(test.id, what, "name what it reads with ref() or source(), or disable the test")
            return None
        held = [self.place[id] for id in read | test.parents if id in self.place]
        outside = sorted(id for id in read if self.nodes[id].kind == "model" and id not in self.place)
        if held:
            gate = max(held)
            unread = [id for id in outside if readers.get(id, gate + 1) > gate]
            if unread and not self.whole:
                self.left_out.add(test.name)
                return None
            for id in unread:
                self._no_layer(test, id)
            return gate
        mine = [id for id in outside if id in self.scope]
        if mine:
            self._no_layer(test, mine[0])
        before = [readers[id] for id in read if self.nodes[id].kind == "source" and id in readers]
        return max(before) if before and not outside else None

    def _no_layer(self, test: Node, id: str) -> None:
        what = f"the test {test.name} reads {self.nodes[id].name}, which no layer builds, so no layer can run it"
        self._problem(test.id, what, f"select {self.nodes[id].name} in a layer of the pipeline, or disable the test")

    def _check_order(self) -> None:
        for id, index in self.place.items():
            for parent in self._parents(id) if not self.nodes[id].ephemeral else ():
                there, name = self.place.get(parent), self.nodes[parent].name
                if there is not None and there > index:
                    what = f"{self.nodes[id].name} of the layer {self.names[index]} reads {name}, which the later "
                    what += f"layer {self.names[there]} builds"
                    self._problem(id, what, "move one of the two, or change the order of `layers`")
                elif there is None and parent in self.scope:
                    what = f"{self.nodes[id].name} reads {name}, which no layer builds"
                    self._problem(id, what, f"select {name} in a layer of the pipeline")

    def _check_snapshots(self) -> None:
        readers = self._readers()
        for node in self.nodes.values():
            if node.kind == "snapshot" and node.id not in self.place:
                read = set(self._parents(node.id))
                if any(id in self.place or id in readers for id in read):
                    what = f"no layer builds the snapshot {node.name}, so nothing keeps its history"
                    self._problem(node.id, what, f"add a layer with `select: {node.name}`, or disable the snapshot")

    def _problem(self, id: str, message: str, remedy: str) -> None:
        self.problems.add(Problem(self.nodes[id].file, id, message, remedy))
