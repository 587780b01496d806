"""Finds what differs from plain dbt because a build has a name of its own, and because a run is several commands.

Both are read from the project's text, without a database, so they are warnings: a name that reaches the data through
several macros is not found here. A step reports that one when it has compiled the model.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from dbt.contracts.graph.manifest import Manifest
from jinja2 import Environment, TemplateSyntaxError

from medallion.dbt.division import Problem

_DBTS_OWN = ("dbt", "dbt_postgres")
_QUOTES = re.compile(r"--[^\n]*|/\*.*?\*/|'", re.DOTALL)
_RELATION = r"(?:this|ref\s*\(.*\)|source\s*\(.*\))"
_HERE = re.compile(
    rf"\s*(?:{_RELATION}(?:\.schema|\.render\(\)|\s*\|.*)?|model\.(?:schema|relation_name))\s*", re.DOTALL
)
_IN_MACRO = re.compile(rf"\s*(?:{_RELATION}|\w*relation)(?:\.render\(\)|\s*\|.*)?\s*", re.DOTALL)
_LITERAL = re.compile(r"\s*(?:dbt\.)?string_literal\((.*)\)\s*", re.DOTALL)
_WRITES = re.compile(
    r"\b(?:insert\s+into|delete\s+from|merge\s+into|update(?=\s+\S+\s+set\b))\s+([\w.\"]+|\{\{.*?\}\})", re.IGNORECASE
)
_GRANTS = re.compile(r"\bgrant\b[^;]*?\bon\s+(?!all\s+(?:sequences|functions)|schema|database|sequence|function)", re.I)
_LITERALS = re.compile(r"--[^\n]*|/\*.*?\*/|'((?:[^']|'')*)'", re.DOTALL)


def names_as_text(manifest: Manifest) -> Iterator[Problem]:
    """Yield models and snapshots that write the name of a relation as text: `'{{ this }}'`, `_dbt_source_relation`."""
    for node in manifest.nodes.values():
        if node.resource_type.value not in ("model", "snapshot") or not node.config.enabled:
            continue
        hooks = [hook.sql for hook in (*node.config.pre_hook, *node.config.post_hook)]
        found = [text for code in (node.raw_code, *hooks) for text in _quoted(code, _HERE)]
        macros = [manifest.macros[id] for id in node.depends_on.macros if id in manifest.macros]
        found += [f"{macro.name}()" for macro in macros if _macro_quotes(manifest, macro)]
        if found:
            what = f"{node.schema}.{node.alias} has the name of a build as text, not of what readers use: "
            what += ", ".join(dict.fromkeys(found))
            remedy = "write `.identifier`, or the name by hand; nothing to do if no reader uses the column"
            yield Problem(node.original_file_path, node.unique_id, what, remedy)


def hooks_of_a_run(manifest: Manifest, layers: int) -> Iterator[Problem]:
    """Yield hooks of a run that do something else than under plain dbt, which runs them with each command.

    Args:
        manifest: The project.
        layers: How many layers the pipeline has.
    """
    for node in _hooks(manifest):
        name = f"the hook {node.name}"
        if layers > 1 and _reads_results(manifest, node):
            what = f"{name} reads `results`: it finds those of the last layer only"
            yield Problem(node.original_file_path, node.unique_id, what, "put what it needs into the last layer")
        elif written := _WRITES.search("\n".join(_texts(manifest, node))):
            what = (
                f"{name} writes rows of {written[1]}: it runs once a run, and its `schemas` are those that readers use"
            )
            remedy = "nothing to do, unless something counts these rows"
            yield Problem(node.original_file_path, node.unique_id, what, remedy)
        if "on-run-end" in node.tags and _GRANTS.search("\n".join(_texts(manifest, node))):
            what = f"{name} grants privileges on relations before they are published: readers of a new one lack them"
            yield Problem(node.original_file_path, node.unique_id, what, "write `grants` in the models' configuration")


def needs_one_layer(manifest: Manifest) -> bool:
    """Return whether a hook of a run reads the results of all models: those of one layer are all that there are."""
    return any(_reads_results(manifest, node) for node in _hooks(manifest))


def builds_as_text(results: Iterable[Any], builds: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield the file and name of each model with the name of a build in a literal of its compiled SQL.

    Args:
        results: dbt's.
        builds: Names of builds.
    """
    for result in results:
        literals = _LITERALS.findall(getattr(result.node, "compiled_code", None) or "")
        if any(build in literal for literal in literals for build in builds):
            yield result.node.original_file_path, result.node.name


def _hooks(manifest: Manifest) -> list[Any]:
    return [node for node in manifest.nodes.values() if node.resource_type.value == "operation"]


def _texts(manifest: Manifest, hook: Any) -> list[str]:
    return [hook.raw_code, *(macro.macro_sql for macro in _reached(manifest, hook.depends_on.macros))]


def _reads_results(manifest: Manifest, hook: Any) -> bool:
    own = [text for text in _texts(manifest, hook) if not re.search(r"\bset\s+results\b", text)]
    return "on-run-end" in hook.tags and any(re.search(r"\bresults\b", text) for text in own)


def _quoted(code: str, relation: re.Pattern[str]) -> list[str]:
    """Return the expressions of a template that are relations and stand in quotes, or in `string_literal()`."""
    found, inside = [], False
    expression: list[str] | None = None
    try:
        tokens = list(Environment().lex(code))
    except TemplateSyntaxError:
        return []
    for _, kind, text in tokens:
        if kind == "variable_begin":
            expression = []
        elif kind == "variable_end" and expression is not None:
            written = "".join(expression).strip()
            literal = _LITERAL.fullmatch(written)
            if (inside and relation.fullmatch(written)) or (literal and relation.fullmatch(literal[1])):
                found.append(f"{{{{ {written} }}}}")
            expression = None
        elif expression is not None:
            expression.append(text)
        elif kind == "data":
            inside = _ends_in_quotes(text, inside)
    return found


def _ends_in_quotes(text: str, inside: bool) -> bool:
    at = 0
    while at < len(text):
        if inside:
            end = text.find("'", at)
            if end < 0:
                return True
            at, inside = end + 1, False
        match = _QUOTES.search(text, at)
        if match is None:
            return False
        at, inside = match.end(), match[0] == "'"
    return inside


def _macro_quotes(manifest: Manifest, macro: Any) -> bool:
    """Return whether a macro, or what it dispatches to, writes a relation that it gets as text."""
    own = [macro, *(one for one in _called(manifest, macro) if one.name.endswith(f"__{macro.name}"))]
    return any(_quoted(one.macro_sql, _IN_MACRO) for one in own if one.package_name not in _DBTS_OWN)


def _called(manifest: Manifest, macro: Any) -> list[Any]:
    return [manifest.macros[id] for id in macro.depends_on.macros if id in manifest.macros]


def _reached(manifest: Manifest, ids: Iterable[str]) -> list[Any]:
    """Return the macros of the project and its packages that these macros call, and these; dbt's own are left out."""
    found, waiting = {}, [*ids]
    while waiting:
        macro = manifest.macros.get(waiting.pop())
        if macro is not None and macro.unique_id not in found and macro.package_name not in _DBTS_OWN:
            found[macro.unique_id] = macro
            waiting += macro.depends_on.macros
    return list(found.values())
