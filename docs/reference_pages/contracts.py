"""The page of the data contracts, of the model `medallion.config.contract.Contract`."""

from __future__ import annotations

from pydantic import BaseModel

from medallion.config.contract import Contract, Rejects
from medallion.config.derived import Derive
from medallion.config.dialect import Dialect
from medallion.config.field import Constraints, ContractField
from reference_pages.keys import keys

SECTIONS: tuple[tuple[str, type[BaseModel]], ...] = (
    ("Contract", Contract),
    ("dialect", Dialect),
    ("rejects", Rejects),
    ("Fields", ContractField),
    ("constraints", Constraints),
    ("derive", Derive),
)


def data_contracts() -> str:
    """Return the page, with a section for each model."""
    sections = "\n".join(f"## {title}\n\n{model.__doc__}\n\n{keys(model)}\n" for title, model in SECTIONS)
    return f"""# Data contract keys

The keys of a contract file. [Data contracts](../contracts.md) explains values, dates and encodings;
[cleaning rules](cleaning-rules.md) are the items of `clean`.

{sections}
"""
