"""`on-run-start` and `on-run-end`: once a run, with the first and with the last layer's models."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

from dbt.contracts.graph.manifest import Manifest
from dbt.node_types import NodeType

Moment = Literal["on-run-start", "on-run-end"]


class Hooks:
    """The hooks of a project, taken out of its manifest.

    Args:
        manifest: Changed in place: no command of dbt finds a hook in it but inside `at`.
    """

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest
        found = [node for node in manifest.nodes.values() if node.resource_type == NodeType.Operation]
        self._hooks: list[Any] = [manifest.nodes.pop(node.unique_id) for node in found]

    @contextmanager
    def at(self, moments: Sequence[Moment], schemas: Sequence[str], database: str) -> Iterator[None]:
        """Put the hooks of some moments back for as long as the context lasts.

        Args:
            moments: Which.
            schemas: What they find as `schemas`: the schemas that readers use, not those of builds.
            database: The database that they find with each schema in `database_schemas`.
        """
        chosen = [hook for hook in self._hooks if set(hook.tags) & set(moments)]
        known = f"{{% set schemas = {list(schemas)!r} %}}"
        known += f"{{% set database_schemas = {[(database, schema) for schema in schemas]!r} %}}"
        for hook in chosen:
            if "on-run-end" in hook.tags:
                hook.raw_code = f"{known}{hook.raw_code}"
            self._manifest.nodes[hook.unique_id] = hook
        try:
            yield
        finally:
            for hook in chosen:
                del self._manifest.nodes[hook.unique_id]
