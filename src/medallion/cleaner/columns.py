"""The file's columns against the contract's."""

from __future__ import annotations

import difflib

from medallion.config.contract import Contract
from medallion.errors import ContractViolation


def labels(header: list[str]) -> list[str]:
    """Return the name by which a contract's `source` finds each column.

    It is the name in the header, trimmed. Columns that share a name get a number: `Region (1)`,
    `Region (2)`; several without a name are `(1)`, `(2)`.
    """
    names = [column.strip() for column in header]
    seen: dict[str, int] = {}
    found = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        found.append(name if names.count(name) == 1 else f"{name} ({seen[name]})".strip())
    return found


def check_columns(contract: Contract, header: list[str], name: str, line: int = 1) -> list[str]:
    """Return the labels of a header that fits the contract's policies.

    Args:
        contract: What the columns are compared with.
        header: The names in the file.
        name: The file, for messages.
        line: Where the header is.

    Raises:
        ContractViolation: Columns are missing or unknown, or a name of the contract fits several.
    """
    found, plain = labels(header), [column.strip() for column in header]
    wanted = [field.header for field in contract.fields if field.derive is None]
    unclear = {name: _those(name, found, plain) for name in wanted}
    unclear = {name: those for name, those in unclear.items() if len(those) > 1}
    missing = [name for name in wanted if name not in (*found, *unclear)] if contract.missing_columns == "error" else []
    settled = {label for those in unclear.values() for label in those}
    unknown = [name for name in found if name not in (*wanted, *settled)] if contract.unknown_columns == "error" else []
    problems = [f"column {name!r} is there {_times(len(those))}" for name, those in unclear.items()]
    problems += [f"column {name!r} is missing{_near(name, unknown)}" for name in missing]
    problems += [f"column {name!r} is unknown" for name in unknown if not difflib.get_close_matches(name, missing, 1)]
    if problems:
        remedy = "".join(
            f"For {name!r} write `source: {' or '.join(map(repr, those))}`. " if len(set(those)) > 1
            else f"Rename one of the columns {name!r} in the file. "
            for name, those in unclear.items()
        )  # fmt: skip
        raise ContractViolation(
            f"{name}, line {line}: {'; '.join(problems)}",
            f"{remedy}The contract {contract.name} has: {', '.join(wanted)}. Correct the file, or change the contract "
            "(`source` renames; `unknown_columns: ignore` and `missing_columns: null` allow)",
        )
    return found


def _those(name: str, found: list[str], plain: list[str]) -> list[str]:
    """Return the labels of the columns that a name may mean."""
    return [label for label, column in zip(found, plain, strict=True) if name in (label, column)]


def _times(count: int) -> str:
    return "twice" if count == 2 else f"{count} times"


def _near(name: str, unknown: list[str]) -> str:
    near = difflib.get_close_matches(name, unknown, 1)
    return f" (the file has {near[0]!r})" if near else ""
