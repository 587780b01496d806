#!/usr/bin/env bash
# Puts a file, or all files of a folder, on the landing volume: k8s/upload.sh FILE_OR_FOLDER [NAME]. Pipelines see each
# file whole or not at all. A tenant's file has its tenant's folder in its name: k8s/upload.sh orders.csv acme/orders.csv
# A tenant with a namespace of its own has its landing volume there: LANDING_NAMESPACE names it.
set -euo pipefail
source=$(realpath "${1:?usage: k8s/upload.sh FILE_OR_FOLDER [NAME]}") name=${2:-$(basename "$1")}
. "$(dirname "$0")/env.sh"
[ -r "$source" ] || fail "$source: cannot be read"

runtime() { kube get configmap medallion-runtime -o jsonpath="{.data.$1}"; }
pod=medallion-put-$$ image=$(runtime MEDALLION_CLEANER_IMAGE) claim=$(runtime MEDALLION_LANDING_CLAIM)
NAMESPACE=${LANDING_NAMESPACE:-$NAMESPACE}
# The account of steps holds the registry logins; a tenant's namespace has one of its own.
account=$(kube get serviceaccount -o name | sed -n 's|^serviceaccount/\(medallion-step.*\)|\1|p' | head -n 1)
trap 'kube delete pod "$pod" --ignore-not-found --wait=false --grace-period=0 >/dev/null 2>&1 || true' EXIT
sed -e "s|POD|$pod|; s|IMAGE|$image|; s|CLAIM|$claim|; s|ACCOUNT|${account:-default}|" "$K8S/put-pod.yaml" | kube apply -f - >/dev/null
kube wait "pod/$pod" --for=condition=Ready --timeout=180s >/dev/null
# What arrives is complete before it is moved to where a pipeline looks.
# shellcheck disable=SC2016 # expanded in the pod
receive='set -eu; umask 022; new=/landing/.put-$HOSTNAME; mkdir "$new"; trap "rm -rf $new" EXIT; cd "$new"
  tar -x -m --no-same-owner # delivered now, whenever it was written
  find . -type f | while read -r file; do
    mkdir -p "$(dirname "/landing/$0/$file")"; mv "$file" "/landing/$0/$file"; done'
if [ -d "$source" ]; then
  tar -c --mode='u+rwX,go+rX' -C "$source" . | kube exec -i "$pod" -- sh -c "$receive" "$name"
  echo "/landing/$name ($(find "$source" -type f | wc -l) files)"
else
  tar -c -C "$(dirname "$source")" --transform "s|.*|$(basename "$name")|" "$(basename "$source")" |
    kube exec -i "$pod" -- sh -c "$receive" "$(dirname "$name")"
  echo "/landing/$name ($(wc -c < "$source") bytes)"
fi
