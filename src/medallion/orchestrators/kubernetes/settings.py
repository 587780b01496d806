"""The deployment's settings for the DAG side, through the environment that the Helm chart sets."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from medallion.config.places import default_dags
from medallion.steps import Image

LANDING = "/landing"
"""Where a cleaner pod sees the landing volume."""


class UnknownTenant(Exception):
    """The chart has prepared tenants, and not this one: its steps would have no login."""

    def __init__(self, tenant: str, known: Mapping[str, object]) -> None:
        super().__init__(f"unknown tenant {tenant!r} (configured: {', '.join(known)})")
        self.remedy = f"add `{{name: {tenant}}}` to the chart's value `tenants`, or correct the name"


@dataclass(frozen=True)
class Settings:
    """Names of this deployment's parts, as the steps of one tenant (or of none) use them.

    `launcher` is who starts steps' pods under Airflow: the `triggerer`, or a `worker` pod for each.
    """

    namespace: str
    images: dict[Image, str]
    pull_policy: str
    warehouse_secret: str
    landing_claim: str
    service_account: str
    dags: Path
    tenant: str | None = None
    tenants: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    pod_template: Mapping[str, Any] = field(default_factory=dict)
    launcher: str = "triggerer"

    @classmethod
    def from_environment(cls, dags: Path | None = None) -> Settings:
        """Return the settings that `MEDALLION_*` name; the defaults are those of the chart.

        Args:
            dags: The DAG folder, which holds the dbt project; by default the nearest one.
        """
        get = os.environ.get
        return cls(
            namespace=get("MEDALLION_NAMESPACE", "medallion"),
            images={
                "cleaner": get("MEDALLION_CLEANER_IMAGE", "localhost/medallion/cleaner:dev"),
                "dbt": get("MEDALLION_DBT_IMAGE", "localhost/medallion/dbt:dev"),
            },
            pull_policy=get("MEDALLION_IMAGE_PULL_POLICY", "IfNotPresent"),
            warehouse_secret=get("MEDALLION_WAREHOUSE_SECRET", "medallion-warehouse"),
            landing_claim=get("MEDALLION_LANDING_CLAIM", "medallion-landing"),
            service_account=get("MEDALLION_SERVICE_ACCOUNT", "medallion-step"),
            dags=dags or default_dags(),
            tenants=json.loads(get("MEDALLION_TENANTS", "{}")),
            pod_template=json.loads(get("MEDALLION_POD_TEMPLATE", "{}")),
            launcher=get("MEDALLION_STEP_LAUNCHER", "triggerer"),
        )

    def of_tenant(self, tenant: str | None) -> Settings:
        """Return the settings for a tenant's steps.

        Where the chart has prepared no tenants at all, they share the deployment's login and namespace.

        Raises:
            UnknownTenant: The chart has prepared tenants, but not this one.
        """
        if tenant is None or not self.tenants:
            return replace(self, tenant=tenant)
        if tenant not in self.tenants:
            raise UnknownTenant(tenant, self.tenants)
        own = self.tenants[tenant]
        return replace(
            self,
            tenant=tenant,
            namespace=own["namespace"],
            warehouse_secret=own["secret"],
            service_account=own["serviceAccount"],
        )


def find_commit(file: Path) -> str:
    """Return the commit that a DAG file was synced from: git-sync checks out into a folder of that name."""
    names = [part for part in file.resolve().parts if re.fullmatch(r"[0-9a-f]{40}", part)]
    return names[-1] if names else os.environ.get("MEDALLION_COMMIT", "unknown")
