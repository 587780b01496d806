# Names that every script here agrees on; each can be set in the environment. Sourced, not run.
# shellcheck shell=bash
K8S=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# Medallion's own checkout has the chart next to this folder. Elsewhere this folder came with the wheel, and the working
# directory is the team's repository.
SOURCE=
if [ -d "$K8S/../charts/medallion" ]; then SOURCE=$(dirname "$K8S"); cd "$SOURCE" || exit; fi
CLUSTER=${CLUSTER:-medallion}
NAMESPACE=${NAMESPACE:-medallion}
RELEASE=${RELEASE:-medallion}
KUBE_CONTEXT=${KUBE_CONTEXT:-kind-$CLUSTER}
export CLUSTER NAMESPACE RELEASE KUBE_CONTEXT K8S SOURCE

kube() { kubectl --context "$KUBE_CONTEXT" --namespace "$NAMESPACE" "$@"; }

fail() { printf '%s\n' "$*" >&2; exit 1; }

# The path under which the UI and the API answer: that of airflow.config.api.base_url, as the chart wrote it down.
ui_path() { kube get configmap medallion-runtime -o jsonpath='{.data.MEDALLION_UI_PATH}'; }

# Forwards a free local port to a service while the script runs; its number is then in $port.
port=
forward() { # service port (its number or its name)
  coproc FORWARD { exec kubectl --context "$KUBE_CONTEXT" --namespace "$NAMESPACE" port-forward "service/$1" ":$2" 2>&1; }
  trap 'kill "$FORWARD_PID" 2>/dev/null || true' EXIT
  local line
  read -r line <&"${FORWARD[0]}" || fail "no way to service/$1 in $KUBE_CONTEXT/$NAMESPACE: is it up? (make up)"
  [[ $line =~ 127.0.0.1:([0-9]+) ]] || fail "$line"
  # shellcheck disable=SC2034 # read by the caller
  port=${BASH_REMATCH[1]}
}
