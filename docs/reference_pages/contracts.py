"""The page of the data contracts, of the model `medallion.config.contract.Contract`."""

from __future__ import annotations

from pydantic import BaseModel

from medallion.config.contract import Contract, Rejects
from medallion.config.derived import Derive
from medallion.config.field import Constraints, ContractField
from medallion.config.formats import FORMATS
from reference_pages.keys import keys

SECTIONS: tuple[tuple[str, type[BaseModel]], ...] = (
    ("Contract", Contract),
    *((f"dialect of the format {name}", model) for name, model in FORMATS.items()),
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
