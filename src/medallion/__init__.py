"""Medallion: one YAML file per pipeline, one pod per layer, nothing untested published.

The way through the house: `spec` (what a person wrote) → `plan` (what will happen) → `runners` (Airflow
or local) → one command of one image → `warehouse` (ledger and tables).
"""

__version__ = "0.1.0"
