"""YAML text as a tree of nodes with places: anchors and merge keys followed, sizes and depth bounded.

libyaml only gives events here, one at a time. Its own composer recurses in C for each nested bracket, so a few
kilobytes can end the process.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from medallion.config.yaml_scalars import PREFIX, Scalar, describe_kind, resolve, short_tag

Place = tuple[int, int]
"""Line and column, 1-based."""
Path_ = tuple[str | int, ...]
"""The keys and indices that lead to a value."""

MOST_DEPTH = 64
MOST_NODES = 100_000
"""What a document may hold once its aliases are written out."""
MOST_NODES_OF_AN_ENTRY = 20_000
"""The same for what is nested deeper than the list of schedules, so that one schedule cannot use up the others'."""
_ENTRY_DEPTH = 4
_CHARACTERS_OF_A_NODE = 100
_LONGEST_KEY = 1024
_MOST_EFFORT = 20_000_000
"""libyaml looks at all open brackets at each further one: this is half a second, 4,000 brackets deep."""
_MERGE = "<<"
_NO_BREAKS = {0x85: "\U0010ff85", 0x2028: "\U0010ff28", 0x2029: "\U0010ff29"}
"""Characters that end a line (and a comment) in YAML 1.1 and not in 1.2, and what stands in for them in libyaml."""
_BREAKS = {ord(replacement): character for character, replacement in _NO_BREAKS.items()}
_STAND_IN = re.compile(f"[{''.join(_NO_BREAKS.values())}]")
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong with a node, or with one of a mapping's keys."""

    place: Place
    message: str
    remedy: str
    key: str | None = None


@dataclass(eq=False, slots=True)
class Node:
    """A scalar, a list of nodes, or a mapping of keys to the place of the key and a node.

    Nodes are shared: an alias is the node of its anchor.
    """

    place: Place
    value: Scalar | list[Node] | dict[str, tuple[Place, Node]] = None
    written: str = ""
    troubles: list[Trouble] = field(default_factory=list)
    size: int = 1
    height: int = 0
    expands: bool = False
    """Whether an alias or a merge is in it."""

    def add(self, child: Node) -> None:
        """Count a child."""
        self.size += child.size
        self.height = max(self.height, child.height + 1)
        self.expands = self.expands or child.expands


class Unreadable(Exception):
    """A document that is YAML, and is not read.

    Args:
        place: Where.
        message: What is wrong.
        remedy: What to do.
    """

    def __init__(self, place: Place, message: str, remedy: str) -> None:
        self.place, self.message, self.remedy = place, message, remedy


def compose(text: str) -> Node | None:
    """Return the root of the one document in a text, or None if the text has no document.

    Raises:
        yaml.YAMLError: It is no YAML.
        Unreadable: There are several documents, thousands of nested brackets, far too many values, or a directive
            for another version than YAML 1.2.
    """
    if found := _STAND_IN.search(text):
        place = text.count("\n", 0, found.start()) + 1, 1
        raise Unreadable(place, f"holds the private character U+{ord(found[0]):X}", "remove it")
    loader = _Loader(text.translate(_NO_BREAKS).encode("utf-8"))
    try:
        return _Composer(loader).document()
    finally:
        loader.dispose()


class _Composer:
    def __init__(self, loader: Any) -> None:
        self.next = loader.get_event
        self.anchors: dict[str, Node | None] = {}  # None: it is not at its end yet
        self.effort = 0
        self.merged = 0
        self.nodes = 0

    def document(self) -> Node | None:
        root = None
        while not isinstance(event := self.next(), yaml.StreamEndEvent):
            if isinstance(event, yaml.DocumentStartEvent):
                place = _place(event)
                if root is not None:
                    raise Unreadable(place, "holds a second document", "write one document in a file")
                if event.version and event.version != (1, 2):
                    version = ".".join(map(str, event.version))
                    raise Unreadable(place, f"asks for YAML {version}, and is read as YAML 1.2", "remove that line")
                root = self.node(self.next(), 0)
        return root

    def node(self, event: Any, depth: int) -> Node:
        self.nodes += 1
        if self.nodes > MOST_NODES:
            raise Unreadable(_place(event), f"holds more than {MOST_NODES} values", "split it into several files")
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, depth)
        if event.anchor:
            self.anchors[event.anchor] = None
        node = _scalar(event) if isinstance(event, yaml.ScalarEvent) else self._collection(event, depth)
        if event.anchor:
            self.anchors[event.anchor] = node
        return node

    def _alias(self, event: Any, depth: int) -> Node:
        name, place = event.anchor, _place(event)
        if name not in self.anchors:
            return _bad(place, f"there is no anchor `&{name}` above", "write the value out, or set the anchor first")
        target = self.anchors[name]
        if target is None:
            return _bad(place, f"is endless: `*{name}` stands inside `&{name}`", "write the value out")
        if depth + target.height > MOST_DEPTH:
            return _too_deep(place)
        return _bounded(target, place, depth)

    def _collection(self, event: Any, depth: int) -> Node:
        node = Node(_place(event))
        if depth >= MOST_DEPTH:
            self._skip(node.place)
            return _too_deep(node.place)
        if is_mapping := isinstance(event, yaml.MappingStartEvent):
            self._mapping(node, depth)
        else:
            self._sequence(node, depth)
        if event.tag not in (None, "!", f"{PREFIX}{'map' if is_mapping else 'seq'}"):
            node.troubles.append(Trouble(node.place, f"cannot be read: the tag {short_tag(event.tag)}", "leave it out"))
        return _bounded(node, node.place, depth) if node.expands else node

    def _sequence(self, node: Node, depth: int) -> None:
        node.value = items = []
        while not isinstance(event := self.next(), yaml.SequenceEndEvent):
            child = self.node(event, depth + 1)
            items.append(child)
            node.add(child)
            node.expands = node.expands or isinstance(event, yaml.AliasEvent)

    def _mapping(self, node: Node, depth: int) -> None:
        pairs: dict[str, tuple[Place, Node]] = {}
        merges: Node | None = None
        while not isinstance(event := self.next(), yaml.MappingEndEvent):
            is_merge = _is_merge(event)
            key = self.node(event, depth + 1)
            value_event = self.next()
            value = self.node(value_event, depth + 1)
            node.expands = node.expands or is_merge or isinstance(value_event, yaml.AliasEvent)
            place = _place(event)
            if is_merge:
                if merges is not None:
                    message, remedy = "is written twice", "write one, with a list: `<<: [*a, *b]`"
                    node.troubles.append(Trouble(place, message, remedy, _MERGE))
                merges = value
            elif key.troubles:
                node.troubles += key.troubles
            elif not isinstance(key.value, str) or len(key.value) > _LONGEST_KEY:
                name, message = _described(key)
                node.troubles.append(Trouble(place, message, "write a word, in quotes if need be", name))
            elif key.value in pairs:
                node.troubles.append(Trouble(place, "is written twice", "keep one of them", key.value))
            else:
                pairs[key.value] = (place, value)
        merged = self._merge(node, merges) if merges is not None else {}
        node.value = {**merged, **pairs}
        for _, value in node.value.values():
            node.size += 1
            node.add(value)

    def _merge(self, node: Node, merges: Node) -> dict[str, tuple[Place, Node]]:
        """The keys that merge keys bring; of several mappings the first that has a key wins."""
        found: dict[str, tuple[Place, Node]] = {}
        seen = 0
        if isinstance(merges.value, list):
            node.troubles += merges.troubles
        for one in merges.value if isinstance(merges.value, list) else [merges]:
            node.troubles += one.troubles
            if not isinstance(one.value, dict):
                if not one.troubles:
                    message, remedy = "merges what is no mapping", "write `<<: *name` of a mapping, or a list of such"
                    node.troubles.append(Trouble(one.place, message, remedy, _MERGE))
                continue
            seen += len(one.value)
            if seen > MOST_NODES_OF_AN_ENTRY or self.merged + seen > MOST_NODES:
                node.troubles.append(Trouble(node.place, *_TOO_LARGE, key=_MERGE))
                break
            found = {**one.value, **found}
        self.merged += min(seen, MOST_NODES_OF_AN_ENTRY)
        return found

    def _skip(self, place: Place) -> None:
        """Read on to the end of the collection that has just begun."""
        depth = 1
        while depth:
            event = self.next()
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            self.effort += depth
            if self.effort > _MOST_EFFORT:
                raise Unreadable(place, *_TOO_DEEP)


def _scalar(event: Any) -> Node:
    place, text = _place(event), event.value
    if not text.isascii():
        text = text.translate(_BREAKS)
    if "\0" in text:
        return _bad(place, "holds a NUL character, which neither files nor Postgres keep", "remove it")
    try:
        value = resolve(text, event.tag, plain=event.implicit[0])
    except ValueError as error:
        return _bad(place, f"cannot be read: {error}", "quote the value")
    return Node(place, value, text, size=1 + len(text) // _CHARACTERS_OF_A_NODE)


def _is_merge(event: Any) -> bool:
    return isinstance(event, yaml.ScalarEvent) and (
        event.tag == f"{PREFIX}merge" or (event.tag is None and event.implicit[0] and event.value == _MERGE)
    )


def _described(key: Node) -> tuple[str, str]:
    """A key that is no text, or too much of it: how diagnostics name it, and what it is."""
    if isinstance(key.value, list | dict):
        return "?", "the key is a list or a mapping"
    if isinstance(key.value, str):
        return "?", f"the key is longer than {_LONGEST_KEY} characters"
    kinds = {"null": "empty", "bool": "true or false", "int": "a number", "float": "a number"}
    return key.written or "~", f"the key {key.written!r} is {kinds[describe_kind(key.value)]}, not text"


_Fault = tuple[str, str]
"""A message and a remedy."""
_TOO_DEEP: _Fault = (f"is nested more than {MOST_DEPTH} deep", "take the brackets away")
_TOO_LARGE: _Fault = (
    "is endless, or far too large, once its aliases (`*`) and merges (`<<`) are written out",
    "write the values out instead of using anchors",
)


def _bounded(node: Node, place: Place, depth: int) -> Node:
    most = MOST_NODES if depth < _ENTRY_DEPTH else MOST_NODES_OF_AN_ENTRY
    return node if node.size <= most else _bad(place, *_TOO_LARGE)


def _too_deep(place: Place) -> Node:
    return _bad(place, *_TOO_DEEP)


def _bad(place: Place, message: str, remedy: str) -> Node:
    return Node(place, troubles=[Trouble(place, message, remedy)])


def _place(event: Any) -> Place:
    return event.start_mark.line + 1, event.start_mark.column + 1
