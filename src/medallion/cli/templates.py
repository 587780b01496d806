"""What `medallion new` writes."""

PIPELINE = """\
# yaml-language-server: $schema=../../docs/schema/pipeline.json
name: {name}
description: What this is, in one line
owner: data-platform # the team to ask

schedule:
  cron: "@daily" # or interval_seconds: 3600; without either it runs only when triggered
  timezone: UTC
  # enabled: false

sources:
  - name: {name}
    path: {file} # relative to the landing volume
    contract: {name} # contracts/{folder}.yaml

# dbt models to build on it, in dags/dbt/models/{folder}/<layer>. Each layer waits for the tests of the last.
# models: {folder}
# layers: [{{name: bronze}}, {{name: silver}}, {{name: gold}}]

retry_config:
  max_retries: 1
  initial_delay_seconds: 120
  # backoff_multiplier: 2
  # retryable_exit_codes: [{codes}]
"""

JOB = """\
# yaml-language-server: $schema=../../../docs/schema/job.json
tenant: {tenant} # the folder's name
description: What this is, in one line
connector: csv # there are: {connectors}
source: {{path: {file}}} # in the tenant's folder of the landing volume
contract: {name} # contracts/{folder}.yaml

# target: {{table: raw.{tenant}_{folder}}} # instead of the contract's table

# dbt models to build on it. Each layer waits for the tests of the one before.
# models: {folder}
# layers: [{{name: bronze}}, {{name: silver}}, {{name: gold}}]

retry_config:
  max_retries: 1
  initial_delay_seconds: 120
  # backoff_multiplier: 2
  # retryable_exit_codes: [{codes}]
"""

RUNNER = """\
# yaml-language-server: $schema=../docs/schema/runner.json
runner:
  mode: orchestrated # or oneshot: no DAGs, `medallion run NAME` runs the schedules
  orchestrator:
    type: airflow # or dagster
    concurrency_per_tenant: 1 # how many of a tenant's jobs run at once
    # steps_per_tenant: 4 # and how many of its steps, in all of these jobs together
    # tenants: {acme: {concurrency: 2}}
    schedules:
"""

SCHEDULE = """\
      - name: {name} # the DAG's id
        config: {config}
        cron: "@hourly" # or interval_seconds: 3600
        # enabled: false
        # timezone: Europe/Berlin
        # tags: {{priority: high}}
"""

CONTRACT = """\
# yaml-language-server: $schema=../../docs/schema/contract.json
name: {name}
table: {table} # schema.table that readers use
primaryKey: id # a row that repeats an earlier one's key is rejected

fields:
  - name: id
    type: integer
    constraints: {{required: true}}
  - name: ordered_on
    source: Order Date # the column's name in the file, if it is another
    type: date
    format: ["%Y-%m-%d", "%d/%m/%Y"]
  - name: amount
    type: number
    clean: [trim, currency]
    constraints: {{minimum: 0}}

rejects:
  max_share: 0.05 # more rejected rows than this, and nothing is loaded
"""
