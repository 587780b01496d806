"""The files of a team's repository, as `medallion init` writes them."""

from __future__ import annotations

PIPELINE = """\
name: {name}
description: What this is, in one line
owner: data-team
{schedule}{sources}{dbt}layers:
{layers}
"""

LAYER = "  - {{name: {name}, select: {select}{publish}}}"

CONTRACT = """\
name: sales
table: raw.sales # schema.table that dbt reads as a source
primaryKey: id
fields:
  - {name: id, type: integer}
  - {name: sold_on, type: date}
  - {name: product, constraints: {required: true}}
  - {name: amount, type: number, constraints: {minimum: 0}}
"""

SAMPLE = """\
id,sold_on,product,amount
1,2026-01-03,apple,2.50
2,2026-01-03,pear,4.00
3,2026-01-04,apple,5.00
4,2026-02-01,plum,1.20
"""

PROJECT = {
    "dbt_project.yml": """\
name: shop
version: "1.0.0"
config-version: 2
profile: shop # Medallion writes the profile
models:
  shop:
    +materialized: table
    bronze: {+schema: bronze}
    silver: {+schema: silver}
    gold: {+schema: gold}
""",
    "macros/generate_schema_name.sql": """\
{# A layer's schema has the layer's own name. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ custom_schema_name or target.schema }}
{%- endmacro %}
""",
    "models/bronze/sources.yml": """\
sources:
  - name: raw
    schema: raw
    tables: [{name: sales}]
""",
    "models/bronze/stg_sales.sql": "select id, sold_on, product, amount from {{ source('raw', 'sales') }}\n",
    "models/bronze/stg_sales.yml": """\
models:
  - name: stg_sales
    description: Sales as they were delivered, one row per sale
    columns:
      - name: id
        description: The sale.
        data_tests: [unique, not_null]
""",
    "models/silver/fct_sales.sql": (
        "select id, sold_on, date_trunc('month', sold_on)::date as month, product, amount\n"
        "from {{ ref('stg_sales') }}\n"
    ),
    "models/silver/fct_sales.yml": """\
models:
  - name: fct_sales
    description: Sales with their month, one row per sale
    columns:
      - name: id
        description: The sale.
        data_tests: [unique, not_null]
""",
    "models/gold/monthly_sales.sql": (
        "select month, product, count(*) as sales, sum(amount) as amount\nfrom {{ ref('fct_sales') }}\ngroup by 1, 2\n"
    ),
    "models/gold/monthly_sales.yml": """\
models:
  - name: monthly_sales
    description: Sales by month and product
    columns:
      - name: month
        description: The first day of the month.
        data_tests: [not_null]
""",
}

README = """\
# {title}

A Medallion repository: pipelines, contracts and a dbt project.

```
make demo   # run the pipeline {name} on an embedded Postgres
make test   # check every file, then run the pipeline
```

Both need `MEDALLION_PLATFORM`: the folder or URL of Medallion's wheel. They set up `.venv` on their first call.

| Folder | Content |
| --- | --- |
| `dags/pipelines` | One YAML file per pipeline: a pushed file is a DAG |
| `dags/contracts` | How each delivered file is cleaned |
| `dags/dbt` | The dbt project; a run uses that of its commit |
| `landing` | Files for runs on this machine |
| `values.yaml` | Values of the Helm chart: where Airflow finds this repository |
"""

MAKEFILE = """\
# MEDALLION_PLATFORM is the folder of Medallion's wheel, or the URL of one. There is no default: no name on a public
# package index is ours.
PLATFORM = $(or $(MEDALLION_PLATFORM),$(error set MEDALLION_PLATFORM to the folder of Medallion's wheel))
WHEEL = $(or $(lastword $(sort $(wildcard $(PLATFORM)/medallion_platform-*.whl))),$(PLATFORM))
MEDALLION = .venv/bin/medallion

.PHONY: demo test lint clean

demo: .venv/stamp ## run the pipeline on an embedded Postgres
\t$(MEDALLION) run @NAME@

test: lint demo ## check every file, then run the pipeline

lint: .venv/stamp ## check every file
\t$(MEDALLION) lint

clean: ## remove what the other targets made
\trm -rf .venv .medallion

.venv/stamp:
\tpython3 -m venv .venv
\t.venv/bin/pip install -q --disable-pip-version-check "medallion-platform[local] @ file://$(abspath $(WHEEL))"
\t@touch $@
"""

WORKFLOW = """\
name: test
on: [push, pull_request]
permissions: {contents: read}
jobs:
  test:
    runs-on: ubuntu-24.04
    timeout-minutes: 15
    env: {MEDALLION_PLATFORM: "${{ vars.MEDALLION_PLATFORM }}"}
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with: {python-version: "3.13"}
      - run: make test
"""

VALUES = """\
# helm install medallion <the chart> --values values.yaml
airflow:
  dags:
    gitSync:
      repo: https://git.example.com/you/{folder}.git
      branch: main
      ref: main
      subPath: dags
"""

GITIGNORE = """\
.venv/
.medallion/
target/
logs/
"""
