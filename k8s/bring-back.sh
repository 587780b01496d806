#!/usr/bin/env bash
# Brings back a lost Secret, or the keys that it lacks: k8s/bring-back.sh medallion-postgres | medallion-airflow | medallion-ui
# The first two are copied from running pods, which still have them. Airflow stores only a hash of the UI's password:
# the first administrator (or UI_USERNAME) gets a new one.
set -euo pipefail
usage="usage: k8s/bring-back.sh medallion-postgres | medallion-airflow | medallion-ui"
secret=${1:?$usage}
. "$(dirname "$0")/env.sh"

copy() { # target container KEY=VARIABLE...: a line for each key, its value in base64
  local target=$1 container=$2 pair script=
  shift 2
  for pair in "$@"; do
    script+="[ -n \"\${${pair#*=}:-}\" ] && echo ${pair%%=*} \$(printf %s \"\$${pair#*=}\" | base64 -w 0); "
  done
  kube exec "$target" --container "$container" -- sh -c "$script true" ||
    fail "error: $target does not run, so $secret cannot be copied from it
hint: kubectl apply your copy of the Secret; docs/operations.md says what to do without one"
}

new_password() { # a line for each key, as above
  local user=${UI_USERNAME:-} password
  [ -n "$user" ] || user=$(kube exec deployment/medallion-scheduler --container scheduler -- airflow users list --output json |
    python3 -c 'import json, sys; text = sys.stdin.read(); users = json.loads(text[text.index("["):])
print(next(user["username"] for user in users if "Admin" in user["roles"]))')
  password=$(python3 -c 'import secrets; print(secrets.token_urlsafe(18))')
  printf '%s\n' "$password" "$password" | kube exec --stdin deployment/medallion-scheduler --container scheduler -- \
    airflow users reset-password --username "$user" >/dev/null || fail "error: Airflow did not take a password for $user"
  printf 'username %s\npassword %s\n' "$(printf %s "$user" | base64 -w 0)" "$(printf %s "$password" | base64 -w 0)"
}

case $secret in
  medallion-postgres)
    lines=$(copy pod/medallion-postgres-0 postgres postgres-password=POSTGRES_PASSWORD \
      airflow-password=AIRFLOW_PASSWORD warehouse-password=WAREHOUSE_PASSWORD) ;;
  medallion-airflow)
    lines=$(copy deployment/medallion-scheduler scheduler fernet-key=AIRFLOW__CORE__FERNET_KEY \
      connection=AIRFLOW__DATABASE__SQL_ALCHEMY_CONN api-secret-key=AIRFLOW__API__SECRET_KEY \
      jwt-secret=AIRFLOW__API_AUTH__JWT_SECRET) ;;
  medallion-ui) lines=$(new_password) ;;
  *) fail "$usage" ;;
esac

there=$(kube get secret "$secret" --ignore-not-found --output json)
# By standard input: an argument would be seen by every process of this machine.
printf '%s\n%s' "$lines" "$there" | python3 -c '
import json, sys
name, (lines, _, there) = sys.argv[1], sys.stdin.read().partition("\n{")
secret = json.loads("{" + there) if there else {
    "apiVersion": "v1", "kind": "Secret",
    "metadata": {"name": name, "labels": {"app.kubernetes.io/part-of": "medallion"}},
}
found = dict(line.split(" ", 1) for line in lines.splitlines() if line)
secret["data"] = found | (secret.get("data") or {} if name != "medallion-ui" else {})
json.dump(secret, sys.stdout)
' "$secret" | kube "$([ -n "$there" ] && echo replace || echo create)" --filename - >/dev/null
echo "$secret is back: run the upgrade again"
