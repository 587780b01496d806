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
tries=0
until kube logs --follow "job/$job" 2>/dev/null; do # there is no log before the container is
  [ $((tries += 1)) -le 60 ] || fail "the pod of $job did not start: $(kube get events --field-selector type=Warning | tail -n 3)"
  kube wait pod --selector "job-name=$job" --for=condition=Ready --timeout=5s >/dev/null 2>&1 || true
done
kube wait "job/$job" --for=condition=Complete --timeout=30s >/dev/null || fail "$verb failed"
