#!/usr/bin/env bash
# Runs a medallion command against the cluster's warehouse: k8s/medallion.sh history PIPELINE
set -euo pipefail
. "$(dirname "$0")/env.sh"
[ -x .venv/bin/medallion ] || fail "make install first: the command is .venv/bin/medallion"

secret() { kube get secret medallion-warehouse -o "go-template={{.data.$1 | base64decode}}"; }
# Assigned apart: a failure inside `export` goes unnoticed, and the command would take this machine's own warehouse.
for name in PGHOST PGPORT PGUSER PGPASSWORD PGDATABASE; do value=$(secret $name); export "$name=$value"; done
# The chart's own Postgres is reached through the cluster; any other by its name.
if [ "$PGHOST" = medallion-postgres ]; then
  forward medallion-postgres postgres
  export PGHOST=127.0.0.1 PGPORT=$port
fi
.venv/bin/medallion "$@"
