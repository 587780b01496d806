#!/usr/bin/env bash
# Runs `dbt debug` in a pod with the image, the account and the Secret of a dbt layer.
set -euo pipefail
. "$(dirname "$0")/env.sh"

image=$(kube get configmap medallion-runtime -o jsonpath='{.data.MEDALLION_DBT_IMAGE}')
pod=$(sed "s|IMAGE|$image|" "$K8S/dbt-debug-pod.yaml" | kube create --dry-run=client --output json --filename -)
kube run medallion-dbt-debug --rm --stdin --quiet --restart=Never --image="$image" --overrides="$pod" </dev/null
