"""What a source hands out: streams of CSV bytes, each with a name and, where it is known beforehand, a version.

One module per connector; each is imported only where it is used, and so is the library behind it.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from medallion.cleaner.inputs.files import files, one_file
from medallion.cleaner.inputs.stream import Input, Inputs, opened
from medallion.config.connectors import CsvSettings, HttpSettings, PostgresSettings, S3Settings

__all__ = ["Input", "Inputs", "inputs_of", "one_file", "opened"]


def open_inputs(
    settings: CsvSettings | HttpSettings | PostgresSettings | S3Settings, landing: Path, known: Mapping[str, str]
) -> AbstractContextManager[Inputs]:
    """Return what a source has to load.

    Args:
        settings: The source, in its connector's terms.
        landing: The folder that paths are relative to.
        known: The versions of what earlier loads took, by name.

    Returns:
        A context; connections to the source last as long as it.

    Raises:
        InputNotFound: There is no such file, object or table.
        BadInput: It may not be read.
        SourceUnavailable: The source cannot be reached, or fails for the moment.
    """
    if isinstance(settings, CsvSettings):
        return files(settings, landing, known)
    if isinstance(settings, HttpSettings):
        from medallion.cleaner.inputs.http import download

        return download(settings)
    if isinstance(settings, S3Settings):
        from medallion.cleaner.inputs.s3 import objects

        return objects(settings, known)
    from medallion.cleaner.inputs.postgres import rows

    return rows(settings, known)
