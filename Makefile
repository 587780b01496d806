# Medallion. `make` lists everything.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

PYTHON ?= python3
VERSION := $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' src/medallion/__init__.py)
UV_VERSION := $(shell sed -n 's/^UV_VERSION = "\(.*\)"/\1/p' src/medallion/cli/team.py)
BIN := .venv/bin
UV := $(BIN)/uv pip install -q --python $(BIN)/python --compile-bytecode
ROWS ?= 20000
WHEEL := dist/medallion_platform-$(VERSION)-py3-none-any.whl
export UV_LINK_MODE ?= copy

##@ On this machine, without a cluster
.PHONY: install demo dagster test slow test-projects test-python fuzz test-all lint bench

install: .venv/run.stamp ## set up .venv; the command is then .venv/bin/medallion

demo: install ## the main job on sample data and an embedded Postgres (ROWS=20000)
	@$(BIN)/medallion demo --rows $(ROWS)

dagster: .venv/dagster.stamp ## set up Dagster and start it on the pipelines of this folder
	@$(BIN)/medallion dagster

# One process for each core, and a file's tests in one process, as they share what is slow to make.
PYTEST := $(BIN)/python -m pytest -n logical --dist loadfile --no-loadscope-reorder

test: .venv/dev.stamp ## set up and run the tests that need no cluster
	$(PYTEST) -m "not slow"

slow: .venv/dev.stamp ## the tests that `make test` leaves out
	$(PYTEST) -m slow

test-projects: .venv/dev.stamp ## run the dbt projects of DIR=… and compare with plain dbt
	MEDALLION_TEST_PROJECTS=$(DIR) $(BIN)/python -m pytest tests/integration/test_public_projects.py -s

# What reaches dbt, the cleaner, the command line and Airflow, besides all unit tests.
PYTHON_TESTS ?= tests/unit $(addprefix tests/integration/test_,run.py cleaner.py airflow_dag.py) \
  tests/integration/test_init.py::test_a_new_repository_lints_and_runs
test-python: $(addprefix test-python-,3.12 3.13) ## try the wheel and some tests with other Pythons, where they are installed

test-python-%: .venv/run.stamp $(WHEEL)
	@.ci/python $* $(WHEEL) $(PYTHON_TESTS)

fuzz: .venv/dev.stamp ## try twenty times as many generated inputs (FUZZ=20)
	MEDALLION_FUZZ=$(or $(FUZZ),20) $(PYTEST) -m fuzz

test-all: test slow fuzz lint test-python test-cluster ## everything but the faults (make chaos) and benchmarks; needs the cluster of `make up`

lint: .venv/dev.stamp ## ruff, mypy, import-linter, sqlfluff, shellcheck, medallion lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/sqlfluff lint dags/dbt/models dags/dbt/tests
	$(BIN)/shellcheck k8s/*.sh charts/medallion/files/*.sh .ci/run .ci/python
	$(BIN)/shellcheck --shell=dash src/medallion/command/launch.sh
	$(BIN)/medallion lint

bench: .venv/dev.stamp ## the benchmarks of docs/performance.md (some minutes)
	$(BIN)/python tests/bench/bench_cleaner.py
	$(BIN)/python tests/bench/bench_layers.py
	$(BIN)/python tests/bench/bench_incremental.py
	$(BIN)/python tests/bench/bench_parse.py

##@ For those who change Medallion
.PHONY: format lock wheel images release test-cluster chaos reference clean

format: .venv/dev.stamp ## format Python and SQL
	$(BIN)/ruff check --fix -q . ; $(BIN)/ruff format -q .
	$(BIN)/sqlfluff fix -q dags/dbt/models

LOCK := $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate
lock: .venv/run.stamp ## regenerate requirements/*.txt from pyproject.toml
	$(LOCK) pyproject.toml --extra local --group dev -o requirements/dev.txt
	$(LOCK) pyproject.toml --extra local -c requirements/dev.txt -o requirements/run.txt
	$(LOCK) pyproject.toml --extra dagster -c requirements/dev.txt -o requirements/dagster.txt

wheel: $(WHEEL) ## build the wheel that all images install

# One wheel at a time: an image takes whatever is in dist/.
$(WHEEL): .venv/run.stamp $(shell find src/medallion k8s -type f -not -name '*.pyc')
	@rm -rf dist && $(BIN)/uv build -q --wheel --out-dir dist . && touch $@

images: ## build the images (TAG=dev)
	@k8s/build.sh

release: .venv/dev.stamp ## the wheel, the chart, the images, their bills of materials and checksums, in release/
	@TAG=$(VERSION) .ci/release

# CI takes `CLUSTER_TESTS=-m "not slow_cluster"`.
test-cluster: .venv/dev.stamp ## the tests on the cluster of `make up`, slow ones too
	@MEDALLION_CLUSTER_TESTS=required $(BIN)/python -m pytest tests/cluster --durations=25 $(CLUSTER_TESTS)

chaos: .venv/dev.stamp ## inject faults into the cluster and print the table (CHAOS_RUNS=200 for random ones)
	@MEDALLION_CLUSTER_TESTS=required $(BIN)/python -m pytest tests/faults -v -s

reference: .venv/dev.stamp ## write docs/reference and the JSON Schemas of docs/schema
	PYTHONPATH=docs $(BIN)/python -m reference_pages

clean: ## remove .venv and local state (the embedded Postgres and its data too)
	rm -rf .venv .medallion .pytest_cache .mypy_cache .ruff_cache

.venv/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
	  || { echo "Medallion needs Python 3.11, 3.12 or 3.13: make PYTHON=python3.13 …" >&2; exit 1; }
	@echo "setting up .venv"
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --disable-pip-version-check uv==$(UV_VERSION)

.venv/run.stamp: .venv/bin/uv requirements/run.txt pyproject.toml
	$(UV) --require-hashes -r requirements/run.txt
	$(UV) --no-deps -e .
	@touch $@

.venv/dev.stamp: .venv/run.stamp requirements/dev.txt
	$(UV) --require-hashes -r requirements/dev.txt
	@touch $@

.venv/dagster.stamp: .venv/run.stamp requirements/dagster.txt
	$(UV) --require-hashes -r requirements/dagster.txt
	@touch $@

PIPELINE ?= pipeline_customer_transaction
TAG ?= dev
export TAG
include k8s/cluster.mk
