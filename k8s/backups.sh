#!/usr/bin/env bash
# Backups of a release: k8s/backups.sh now | list | restore STAMP/DATABASE.dump
set -euo pipefail
. "$(dirname "$0")/env.sh"
verb=${1:?usage: k8s/backups.sh now | list | restore STAMP/DATABASE.dump} job=medallion-backup-$$
case $verb in
  now | list) given=("$verb") ;;
  restore) given=(restore "${2:?which? see k8s/backups.sh list}") ;;
  *) fail "usage: k8s/backups.sh now | list | restore STAMP/DATABASE.dump" ;;
esac

trap 'kube delete job "$job" --ignore-not-found --wait=false >/dev/null 2>&1 || true' EXIT
kube create job "$job" --from=cronjob/medallion-backup --dry-run=client --output json |
  python3 "$K8S/backup_job.py" "${given[@]}" | kube create --filename - >/dev/null

ended() { kube get job "$job" -o 'jsonpath={.status.conditions[?(@.status=="True")].type}'; }
tries=0
again() { # ends the script after five minutes without the pod
  [ $((tries += 1)) -le 300 ] || fail "the pod of $job did not start: $(kube get events --field-selector type=Warning | tail -n 3)"
  sleep 1
}
# As long as a pod has no node, its log is there and empty.
until kube wait pod --selector "job-name=$job" --for=condition=PodScheduled --timeout=1s >/dev/null 2>&1; do again; done
follow() { # container: its output, as soon as it is there
  tries=0
  until kube logs --follow "job/$job" --container "$1" 2>/dev/null; do # the log exists only once the container does
    [[ $(ended || true) != *Failed* ]] || return 0 # the container before it has printed why
    again
  done
}
for container in $(kube get job "$job" -o 'jsonpath={.spec.template.spec.initContainers[*].name} {.spec.template.spec.containers[*].name}'); do
  follow "$container"
done
while end=$(ended) || fail "$verb: cannot read the status of $job; was it deleted?" && [[ $end != *Complete* ]]; do
  [[ $end != *Failed* ]] || fail "$verb failed"
  kube wait "job/$job" --for=condition=Complete --timeout=2s >/dev/null 2>&1 || true
done
