#!/usr/bin/env bash
# restore.sh STAMP/DATABASE.dump: replaces a database with a backup. The script restores the dump into a new database,
# then swaps the two names. The old database stays as DATABASE_before_TIME until an operator drops it.
set -euo pipefail
export PGDATABASE=postgres
dump=$BACKUPS/$1
database=$(basename "$1" .dump)
[ -r "$dump" ] || { echo "no backup $1; there are:"; cd "$BACKUPS" && ls -d 20*Z/*.dump; exit 66; } >&2
fresh=${database}_restored before=${database}_before_$(date -u +%Y%m%d%H%M%S)
sql() { psql -XqAt -v ON_ERROR_STOP=1 -v database="$database" -v fresh="$fresh" -v before="$before"; }

# Roles that are there stay as they are, with their passwords; one that is missing comes without.
psql -Xq -f "$(dirname "$dump")/roles.sql" > /dev/null 2>&1 || true
dropdb --if-exists --force "$fresh"
owner=$(sql <<< "select pg_get_userbyid(datdba) from pg_database where datname = :'database'")
createdb --template=template0 ${owner:+--owner="$owner"} "$fresh"
pg_restore --exit-on-error --dbname="$fresh" "$dump"

# Who may connect is a property of the database itself, and in no dump of it.
sql <<'SQL'
select format('revoke connect, temporary on database %I from public', :'fresh')
from pg_database where datname = :'database' and datacl is not null \gexec
select distinct format('grant %s on database %I to %s', acl.privilege_type, :'fresh',
  case when acl.grantee = 0 then 'public' else acl.grantee::regrole::text end)
from pg_database, aclexplode(datacl) as acl where datname = :'database' \gexec
SQL

# New sessions are blocked for the moment in which the names change, so no session sees a half-done swap.
sql <<'SQL'
select exists (select from pg_database where datname = :'database') as there \gset
\if :there
  alter database :"database" with allow_connections false;
  select count(pg_terminate_backend(pid, 10000)) from pg_stat_activity where datname = :'database' \g /dev/null
  alter database :"database" rename to :"before";
\endif
alter database :"fresh" rename to :"database";
SQL
echo "$database is as in $1; what was there before is $before"
