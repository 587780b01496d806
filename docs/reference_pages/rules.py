"""The page of the cleaning rules, of their entries in `medallion.config.cleaning`."""

from __future__ import annotations

import json

import yaml

from medallion.config.cleaning import iter_rules
from reference_pages.markdown import code, table


def cleaning_rules() -> str:
    """Return the page."""
    rows = [
        (code(_flow(rule.written)), rule.description, _text(rule.before), _text(rule.after)) for rule in iter_rules()
    ]
    return f"""# Cleaning rules

The key `clean` of a contract's field lists these rules, such as `clean: [trim, currency]`. They run in this order, and
before everything else ([data contracts](../contracts.md#cleaning-rules)).

{table("Rule | Description | Before | After", rows)}
"""


def _flow(written: object) -> str:
    """A rule as YAML writes it in one line."""
    return yaml.safe_dump([written], default_flow_style=True, sort_keys=False, width=1000).strip()[1:-1]


def _text(text: str) -> str:
    """A text with its white space visible."""
    return code(json.dumps(text, ensure_ascii=False).replace("\N{NO-BREAK SPACE}", r"\u00a0"))
