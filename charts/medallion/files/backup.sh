#!/usr/bin/env bash
# Dumps every database of the server and proves each dump by restoring it. What is not proved is not kept.
# BACKUPS: the folder. RETENTION_DAYS: how long backups stay; the newest always does. VERIFY: false leaves the proof out.
set -euo pipefail
export PGDATABASE=postgres
stamp=$(date -u +%Y-%m-%dT%H-%M-%SZ)
work=$BACKUPS/.unfinished-$stamp
scratch=medallion_backup_check
rm -rf "$BACKUPS"/.unfinished-*
mkdir -p "$work"

# One line per table: its name and its number of rows.
counting="select format('select %L, count(*) from %I.%I', schemaname || '.' || tablename, schemaname, tablename)
from pg_tables where schemaname not in ('pg_catalog', 'information_schema') order by schemaname, tablename \gexec"

dump() { # database: dumps and counts in one snapshot, so that both show the same moment
  local snapshot line
  coproc SESSION { exec psql -XqAt -v ON_ERROR_STOP=1 -d "$1"; }
  local session=$SESSION_PID out=${SESSION[0]} in=${SESSION[1]}
  echo "begin isolation level repeatable read; select pg_export_snapshot();" >&"$in"
  read -r snapshot <&"$out"
  printf '%s\n\\echo counted\n' "$counting" >&"$in"
  while read -r line <&"$out" && [ "$line" != counted ]; do echo "$line"; done > "$work/$1.rows"
  pg_dump --format=custom --snapshot="$snapshot" --file="$work/$1.dump" "$1"
  echo '\q' >&"$in"
  wait "$session"
}

prove() { # database
  pg_restore --list "$work/$1.dump" > /dev/null
  dropdb --if-exists --force "$scratch"
  createdb --template=template0 "$scratch"
  pg_restore --exit-on-error --dbname="$scratch" "$work/$1.dump"
  printf '%s\n' "$counting" | psql -XqAt -v ON_ERROR_STOP=1 -d "$scratch" | diff "$work/$1.rows" - ||
    { echo "$1: the dump does not hold the rows that were there" >&2; return 1; }
  dropdb "$scratch"
}

pg_dumpall --roles-only --no-role-passwords > "$work/roles.sql"
mapfile -t databases < <(psql -XqAt -c "select datname from pg_database where not datistemplate
  and datname not in ('postgres', '$scratch') and datname not like '%\_before\_%' order by datname")
for database in "${databases[@]}"; do
  dump "$database"
  if [ "${VERIFY:-true}" != false ]; then prove "$database"; fi
  echo "$stamp/$database.dump: $(wc -c < "$work/$database.dump") bytes, $(wc -l < "$work/$database.rows") tables"
done
mv "$work" "$BACKUPS/$stamp"

# Only after a new backup is there: a server that is away for weeks takes no old one along.
find "$BACKUPS" -mindepth 1 -maxdepth 1 -name '20*Z' ! -name "$stamp" -mtime "+$RETENTION_DAYS" -exec rm -rf {} +
