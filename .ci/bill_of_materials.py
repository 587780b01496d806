"""Write a CycloneDX bill of materials: bill_of_materials.py NAME VERSION < PACKAGES > FILE.

A line of PACKAGES is a package's kind in a package URL (`pypi`, `deb`), its name and its version, with tabs between.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL


def bill(name: str, version: str, packages: Iterable[str]) -> str:
    """Return the JSON of the bill.

    Raises:
        ValueError: A line is no package, or there is none.
    """
    bom = Bom()
    bom.metadata.component = Component(name=name, version=version, type=ComponentType.CONTAINER)
    for line in sorted(set(packages)):
        kind, package, of_version = line.rstrip("\n").split("\t")
        url = PackageURL(kind, "debian" if kind == "deb" else None, package, of_version)
        bom.components.add(Component(name=package, version=of_version, purl=url, bom_ref=str(url)))
    if not bom.components:
        raise ValueError(f"{name} has no packages")
    return make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string(indent=1)


if __name__ == "__main__":
    print(bill(sys.argv[1], sys.argv[2], sys.stdin))
