#!/usr/bin/env bash
# Backups of a release: k8s/backups.sh now | list | restore STAMP/DATABASE.dump
set -euo pipefail
. "$(dirname "$0")/env.sh"
verb=${1:?usage: k8s/backups.sh now | list | restore STAMP/DATABASE.dump} job=medallion-backup-$$
case $verb in
  now) command='["bash", "/scripts/backup.sh"]' ;;
  list) command='["sh", "-c", "cd /backups && du -h 20*Z/*.dump"]' ;;
  restore) command="[\"bash\", \"/scripts/restore.sh\", \"${2:?which? see k8s/backups.sh list}\"]" ;;
  *) fail "usage: k8s/backups.sh now | list | restore STAMP/DATABASE.dump" ;;
esac

trap 'kube delete job "$job" --ignore-not-found --wait=false >/dev/null 2>&1 || true' EXIT
kube create job "$job" --from=cronjob/medallion-backup --dry-run=client --output json |
  python3 -c 'import json, sys
job = json.load(sys.stdin)
job["spec"]["backoffLimit"] = 0
job["spec"]["template"]["spec"]["containers"][0]["command"] = json.loads(sys.argv[1])
json.dump(job, sys.stdout)' "$command" | kube create --filename - >/dev/null
until kube logs --follow "job/$job" 2>/dev/null; do
  kube wait "job/$job" --for=jsonpath='{.status.active}'=1 --timeout=60s >/dev/null 2>&1 || true
  kube get "job/$job" >/dev/null || exit 1
done
kube wait "job/$job" --for=condition=Complete --timeout=30s >/dev/null || fail "$verb failed"
