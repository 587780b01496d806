"""The page of the kinds of alert, of `medallion.config.alerts.AlertKind`."""

from __future__ import annotations

from medallion.config.alerts import AlertKind
from reference_pages.markdown import code, table


def alert_kinds() -> str:
    """Return the page."""
    rows = [
        (code(kind), f"*pipeline* {kind.subject}", kind.condition, "yes" if kind.by_default else "no")
        for kind in AlertKind
    ]
    return f"""# Kinds of alert

A pipeline sends the kinds that `alerts.on` lists ([alerts and deadlines](../alerts.md)).

{table("Kind | Title | Condition | Sent by default", rows)}
"""
