"""dlt: its CSV reader and its Postgres destination, as its docs show them. It infers types and cleans nothing."""

from __future__ import annotations

import sys
import tempfile

import dlt
from dlt.sources.filesystem import filesystem, read_csv


def main(source: str, _: str) -> None:
    folder, _, name = source.rpartition("/")
    files = filesystem(bucket_url=f"file://{folder}", file_glob=name) | read_csv(dtype=str, keep_default_na=False)
    with tempfile.TemporaryDirectory() as place:
        pipeline = dlt.pipeline("bench", pipelines_dir=place, destination="postgres", dataset_name="reference")
        pipeline.run(files, table_name="reference", write_disposition="replace", primary_key="transaction_id")


if __name__ == "__main__":
    main(*sys.argv[1:])
