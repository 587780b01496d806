"""The file's columns against the contract's."""

from __future__ import annotations

import difflib

from medallion.failures import ContractBroken
from medallion.spec.contract import Contract


def check_columns(contract: Contract, header: list[str], name: str) -> list[str]:
    """Returns the header, trimmed, if it fits the contract's policies.

    Raises:
        ContractBroken: Columns are missing, unknown or there twice.
    """
    found = [column.strip() for column in header]
    wanted = [field.header for field in contract.fields if field.derive is None]
    twice = sorted({name for name in found if name in wanted and found.count(name) > 1})
    missing = [name for name in wanted if name not in found] if contract.missing_columns == "error" else []
    unknown = [name for name in found if name not in wanted] if contract.unknown_columns == "error" else []
    said = [f"column {name!r} is there twice" for name in twice]
    said += [f"column {name!r} is missing{_near(name, unknown)}" for name in missing]
    said += [f"column {name!r} is unknown" for name in unknown if not difflib.get_close_matches(name, missing, 1)]
    if said:
        raise ContractBroken(
            f"{name}, line 1: {'; '.join(said)}",
            f"the contract {contract.name} has: {', '.join(wanted)}. Correct the file, or change the contract "
            "(`source` renames; `unknown_columns: ignore` and `missing_columns: null` allow)",
        )
    return found


def _near(name: str, unknown: list[str]) -> str:
    near = difflib.get_close_matches(name, unknown, 1)
    return f" (the file has {near[0]!r})" if near else ""
