#!/usr/bin/env bash
# Puts a file on the landing volume: k8s/put.sh FILE [NAME]. Pipelines see it whole or not at all. A tenant's file
# has its tenant's folder in its name: k8s/put.sh orders.csv acme/orders.csv
set -euo pipefail
file=$(realpath "${1:?usage: k8s/put.sh FILE [NAME]}") name=${2:-$(basename "$1")}
. "$(dirname "$0")/env.sh"
[ -r "$file" ] || fail "$file: cannot be read"

pod=medallion-put-$$
trap 'kube delete pod "$pod" --ignore-not-found --wait=false --grace-period=0 >/dev/null 2>&1 || true' EXIT
image=$(kube get configmap medallion-runtime -o jsonpath='{.data.MEDALLION_CLEANER_IMAGE}')
sed -e "s|POD|$pod|; s|IMAGE|$image|" k8s/put-pod.yaml | kube apply -f - >/dev/null
kube wait "pod/$pod" --for=condition=Ready --timeout=180s >/dev/null
# shellcheck disable=SC2016 # expanded in the pod
kube exec -i "$pod" -- sh -c 'umask 022; to="/landing/$0" at="/landing/.$$.part"
  mkdir -p "$(dirname "$to")" && cat > "$at" && mv "$at" "$to"' "$name" < "$file"
echo "/landing/$name ($(wc -c < "$file") bytes)"
