"""The files of a team's repository, as `medallion init` writes them."""

from __future__ import annotations

from medallion import __version__

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
export MEDALLION_PLATFORM=…   # the folder or the URL of a Medallion release
make demo   # run the pipeline {name} on an embedded Postgres
make test   # check every file, then run the pipeline
make up     # kind, Airflow and Postgres on it, and a first run; needs Docker, kind, helm and kubectl
make        # all targets, such as make ui, make run, make status, make down
```

The first target sets up `.venv`. `MEDALLION_VERSION` in the Makefile is the version of Medallion; change it to upgrade.

| Folder | Content |
| --- | --- |
| `dags/pipelines` | One YAML file per pipeline: a pushed file is a DAG |
| `dags/contracts` | How each delivered file is cleaned |
| `dags/dbt` | The dbt project; a run uses that of its commit |
| `landing` | Files for runs on this machine; `make up` puts them on the cluster's volume |
| `values.yaml` | Values of the Helm chart: where Airflow finds this repository and the images |
"""

MAKEFILE = """\
# The targets of this repository, and from Medallion's wheel those of its cluster.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# MEDALLION_PLATFORM is the folder or the URL of a Medallion release: its wheel, chart and images. There is no default,
# as no name on a public package index is Medallion's. With MEDALLION_REGISTRY, the chart and images come from there.
MEDALLION_VERSION := @VERSION@
UNSET = $(error set MEDALLION_PLATFORM to the folder of a Medallion release)
PLATFORM = $(patsubst %/,%,$(or $(MEDALLION_PLATFORM),$(UNSET)))
PIPELINE ?= @NAME@
K8S := .venv/share/medallion/k8s
UV := .venv/bin/uv pip install -q --python .venv/bin/python --compile-bytecode
export MEDALLION_VERSION MEDALLION_PLATFORM MEDALLION_REGISTRY

.PHONY: install demo test lint clean

##@ On this machine, without a cluster
install: $(K8S)/cluster.mk ## set up .venv with this version of Medallion
\t@:

demo: install ## run PIPELINE=… on an embedded Postgres
\t@.venv/bin/medallion run $(PIPELINE)

test: lint demo ## check every file, then run the pipeline

lint: install ## check every file
\t@.venv/bin/medallion lint

clean: ## remove .venv and the embedded Postgres with its data
\trm -rf .venv .medallion

$(K8S)/cluster.mk: Makefile
\t@echo "setting up .venv with Medallion $(MEDALLION_VERSION) of $(PLATFORM)"
\t@python3 -m venv .venv
\t@.venv/bin/python -m pip install -q --disable-pip-version-check uv==@UV@
\t@$(UV) --require-hashes -r $(PLATFORM)/requirements.txt
\t@$(UV) --no-deps --reinstall $(PLATFORM)/medallion_platform-$(MEDALLION_VERSION)-py3-none-any.whl
\t@touch $@

ifneq ($(MAKECMDGOALS),clean)
include $(K8S)/cluster.mk
endif
"""
UV_VERSION = "0.13.8"

WORKFLOW = """\
name: test
on: [push, pull_request]
permissions: {contents: read}
jobs:
  test:
    runs-on: ubuntu-24.04
    timeout-minutes: 15
    env: {MEDALLION_PLATFORM: "${{ vars.MEDALLION_PLATFORM }}"} # the URL of a Medallion release
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with: {python-version: "3.13"}
      - run: make test
"""

VALUES = """\
# helm install medallion <the chart> --values values.yaml
global:
  images: {{registry: registry.example.com/medallion}} # where Medallion's images are
airflow:
  defaultAirflowRepository: registry.example.com/medallion/airflow
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


def makefile(pipeline: str) -> str:
    """Return the Makefile of a repository whose first pipeline is given."""
    return MAKEFILE.replace("@NAME@", pipeline).replace("@VERSION@", __version__).replace("@UV@", UV_VERSION)
