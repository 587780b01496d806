"""An alert as text, Markdown and HTML."""

from __future__ import annotations

from functools import cache
from typing import Literal

from jinja2 import Environment, PackageLoader, StrictUndefined

from medallion.alerts.alert import Alert

Format = Literal["text", "markdown", "html"]


def render(alert: Alert, form: Format) -> str:
    """Return the alert's body; its title is `Alert.title`. In HTML every value is escaped."""
    return _environment(form).get_template(f"alert.{form}.j2").render(alert=alert).strip() + "\n"


@cache
def _environment(form: Format) -> Environment:
    return Environment(
        loader=PackageLoader("medallion.alerts"),
        autoescape=form == "html",
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
