"""Where alerts go: the log, and any service that Apprise knows, by its URL (https://github.com/caronc/apprise).

A deployment names its channels in the environment: `MEDALLION_ALERT_ONCALL=slack://…` is the channel `oncall`.
Such a URL holds a password, so it comes from a Secret and is never printed.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from medallion.alerts.alert import Alert
from medallion.alerts.render import Format, render

PREFIX = "MEDALLION_ALERT_"
_LEVELS = {"failure": logging.ERROR, "success": logging.INFO, "warning": logging.WARNING}
logger = logging.getLogger("medallion.alerts")


class ChannelFailed(Exception):
    """A channel that could not carry an alert."""


def send(alert: Alert, channels: Iterable[str]) -> None:
    """Send an alert through every channel. One that fails is logged, and the others are tried; never raises."""
    for name in channels:
        try:
            _log(alert) if name == "log" else _notify(alert, name)
        except Exception as error:  # noqa: BLE001 - telling of a failure must not become one
            logger.warning("alert channel %s failed, the alert %r did not go there: %s", name, alert.title, error)


def _log(alert: Alert) -> None:
    logger.log(_LEVELS[alert.kind.severity], "alert: %s", render(alert, "text"))


def _notify(alert: Alert, name: str) -> None:
    url = os.environ.get(f"{PREFIX}{name.upper()}")
    if not url:
        raise ChannelFailed(f"it is not configured: put {PREFIX}{name.upper()} into the Secret medallion-alerts")
    try:
        import apprise
    except ModuleNotFoundError as error:
        raise ChannelFailed("this Airflow image has no Apprise: use Medallion's Airflow image") from error
    with _silent(logging.getLogger("apprise")):  # it would log the whole URL
        plugin: Any = apprise.Apprise.instantiate(url)
    if not plugin:
        raise ChannelFailed("Apprise does not understand its URL: see the channel's page in Apprise's docs")
    form: Format = plugin.notify_format[0].value  # what the service likes best
    sent = apprise.Apprise()
    sent.add(plugin)
    if not sent.notify(render(alert, form), alert.title, apprise.NotifyType(alert.kind.severity), body_format=form):
        raise ChannelFailed("the service did not take it")


@contextmanager
def _silent(other: logging.Logger) -> Iterator[None]:
    level = other.level
    other.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        other.setLevel(level)
