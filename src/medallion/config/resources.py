"""What pods ask Kubernetes for."""

from __future__ import annotations

from pydantic import Field

from medallion.config.model import ConfigModel


class Resources(ConfigModel):
    """What a pod asks Kubernetes for. Memory is request and limit alike; CPU is a request only."""

    cpu: str = Field("100m", pattern=r"^\d+(\.\d+)?m?$", description="Kubernetes CPU quantity.")
    memory: str = Field("512Mi", pattern=r"^\d+(Ki|Mi|Gi)$", description="Kubernetes memory quantity.")


class ImageResources(ConfigModel):
    """Resources by image."""

    cleaner: Resources = Resources()
    dbt: Resources = Resources()
