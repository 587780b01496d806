"""Medallion: one YAML file per pipeline, one pod per layer, nothing untested published.

Each arrow goes down: `config` (what people write, validated) → `plan` (what a run does, as data) → `orchestrators`
(Airflow, Dagster, this machine) → `protocol` (what a task gets and answers) → `runtime` (what surrounds a task's work)
→ `cleaner` or `dbt` (the work) → `warehouse` (ledger, builds, views).
"""

__version__ = "0.2.0"
