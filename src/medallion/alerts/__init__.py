"""Alerts: what is sent when a run fails, recovers or takes too long, and the channels that carry it."""

from medallion.alerts.alert import Alert, find_alerts
from medallion.alerts.channels import send

__all__ = ["Alert", "find_alerts", "send"]
