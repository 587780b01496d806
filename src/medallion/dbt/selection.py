"""What dbt selectors choose from a parsed project, without an invocation of dbt."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from dbt.compilation import Linker
from dbt.contracts.graph.manifest import Manifest
from dbt.flags import set_from_args
from dbt.graph import Graph, NodeSelector
from dbt.graph.selector_spec import SelectionCriteria, SelectionIntersection, SelectionSpec, SelectionUnion
from dbt_common.events.contextvars import task_contextvars
from dbt_common.exceptions import DbtBaseException

from medallion.errors import Misconfigured


class Selection:
    """Chooses nodes of one manifest.

    Args:
        manifest: A parsed project.
        project: Its folder: `path:` selectors look for files there.
    """

    def __init__(self, manifest: Manifest, project: Path) -> None:
        set_from_args(Namespace(INDIRECT_SELECTION="empty"), None)
        linker = Linker()
        linker.link_graph(manifest)
        self._selector = NodeSelector(Graph(linker.graph), manifest)
        self._project = project

    def choose(self, select: str) -> frozenset[str]:
        """Return the unique ids that a selector names: words are a union, commas an intersection.

        Tests are chosen only where the selector names them, not because it names what they test.

        Raises:
            Misconfigured: The selector is not one of dbt's, or has an option such as `--exclude`.
        """
        for word in select.split():
            if word.startswith("-"):
                what = f"the selector {select!r} contains the option {word}, and only selectors are possible"
                raise Misconfigured(what, "name what the layer builds in `layers[].select` of the pipeline file")
        try:
            with task_contextvars(project_root=str(self._project)):
                return frozenset(self._selector.get_selected(_union(select), warn_on_no_nodes=False))
        except DbtBaseException as error:
            what = f"dbt does not take the selector {select!r}: {str(error).strip()}"
            raise Misconfigured(what, "correct `layers[].select` in the pipeline file") from error


def _union(select: str) -> SelectionSpec:
    return SelectionUnion(
        [
            SelectionIntersection([SelectionCriteria.from_single_spec(part) for part in word.split(",")], raw=word)
            for word in select.split()
        ],
        raw=select.split(),
    )
