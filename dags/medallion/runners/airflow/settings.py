"""What the deployment tells the DAG side, through the environment that the Helm chart sets."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from medallion.plan import Image

_PROJECT = Path(__file__).resolve().parents[4] / "images" / "dbt" / "project"
"""Beside the DAG folder, in the same checkout."""
LANDING = "/landing"
"""Where a cleaner pod sees the landing volume."""


@dataclass(frozen=True)
class Settings:
    """Names of this deployment's parts."""

    namespace: str
    images: dict[Image, str]
    pull_policy: str
    warehouse_secret: str
    landing_claim: str
    service_account: str
    dbt_project: Path

    @classmethod
    def from_environment(cls) -> Settings:
        """Reads `MEDALLION_*`; the defaults are those of the chart."""
        get = os.environ.get
        return cls(
            namespace=get("MEDALLION_NAMESPACE", "medallion"),
            images={
                "cleaner": get("MEDALLION_CLEANER_IMAGE", "medallion/cleaner:latest"),
                "dbt": get("MEDALLION_DBT_IMAGE", "medallion/dbt:latest"),
            },
            pull_policy=get("MEDALLION_IMAGE_PULL_POLICY", "IfNotPresent"),
            warehouse_secret=get("MEDALLION_WAREHOUSE_SECRET", "medallion-warehouse"),
            landing_claim=get("MEDALLION_LANDING_CLAIM", "medallion-landing"),
            service_account=get("MEDALLION_SERVICE_ACCOUNT", "medallion-step"),
            dbt_project=Path(get("MEDALLION_DBT_PROJECT") or _PROJECT),
        )


def commit_of(file: Path) -> str:
    """The commit that a DAG file was synced from: git-sync checks out into a folder of that name."""
    names = [part for part in file.resolve().parts if re.fullmatch(r"[0-9a-f]{40}", part)]
    return names[-1] if names else os.environ.get("MEDALLION_COMMIT", "unknown")
