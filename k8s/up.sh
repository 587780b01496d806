#!/usr/bin/env bash
# Brings Medallion up on kind, from nothing to a first run. Safe to run again: it does what is missing and
# upgrades the rest. CLUSTER, NAMESPACE, RELEASE, TAG, KIND_NODE_IMAGE, MEDALLION_CHARTS_DIR are read.
set -euo pipefail
. "$(dirname "$0")/env.sh"
PIPELINE=${PIPELINE:-pipeline_customer_transaction}
SAMPLE_ROWS=${SAMPLE_ROWS:-20000}
ours=("medallion/cleaner:$TAG" "medallion/dbt:$TAG" "medallion/git-server:$TAG" "medallion/airflow:$TAG")

for tool in docker kind kubectl helm git python3; do
  command -v $tool >/dev/null || fail "$tool is needed, and not on the PATH"
done
docker info >/dev/null 2>&1 || fail "the Docker engine does not answer: start it first"

work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$work"' EXIT
summary=()
step() { # title, command...
  local began=$SECONDS title=$1
  shift
  printf '\n\033[1m%s\033[0m\n' "$title"
  "$@"
  summary+=("$(printf '%5s s  %s' $((SECONDS - began)) "$title")")
}

cluster() {
  if kind get clusters 2>/dev/null | grep -qx "$CLUSTER"; then echo "$CLUSTER is there"; return; fi
  local image=${KIND_NODE_IMAGE:-} mine
  # Without a network, a node image that is here is the one to take.
  [ -n "$image" ] || image=$(docker images --format '{{.Repository}}:{{.Tag}}' kindest/node | head -n 1)
  mine=$(kubectl config current-context 2>/dev/null || true)
  kind create cluster --quiet --name "$CLUSTER" --config k8s/kind.yaml ${image:+--image "$image"} --wait 120s
  [ -z "$mine" ] || kubectl config use-context "$mine" >/dev/null
}

load() { # image...
  local said
  said=$(kind load docker-image --name "$CLUSTER" "$@" 2>&1) || { printf '%s\n' "$said"; return 1; }
  printf '%s\n' "$@"
}

# What is on this machine is loaded; the rest the cluster pulls.
load_theirs() {
  local image here=()
  for image in $(k8s/list-images.sh); do
    if docker image inspect "$image" >/dev/null 2>&1; then here+=("$image"); fi
  done
  if [ ${#here[@]} -gt 0 ]; then load "${here[@]}"; fi
}

namespace() {
  kubectl --context "$KUBE_CONTEXT" create namespace "$NAMESPACE" --dry-run=client -o yaml | kube apply -f - >/dev/null
  kube label --overwrite namespace "$NAMESPACE" pod-security.kubernetes.io/enforce=restricted >/dev/null
}

git_server() {
  sed "s|image: medallion/git-server .*|image: medallion/git-server:$TAG|" k8s/git-server/manifest.yaml | kube apply -f - >/dev/null
  kube rollout status deployment/medallion-git --timeout=120s >/dev/null
  k8s/push-dags.sh
}

release() {
  helm --kube-context "$KUBE_CONTEXT" --namespace "$NAMESPACE" upgrade --install "$RELEASE" "$CHART" \
    --values "$CHART/values-kind.yaml" \
    --set "global.images.cleaner=medallion/cleaner:$TAG,global.images.dbt=medallion/dbt:$TAG" \
    --set "airflow.defaultAirflowTag=$TAG" \
    --set-string "global.images.revision=$(docker image inspect --format '{{.Id}}' "medallion/airflow:$TAG")" \
    --wait --wait-for-jobs --timeout "${HELM_TIMEOUT:-10m}" >"$work/helm" || { cat "$work/helm"; kube get pods; return 1; }
}

# Files for each pipeline of this repository. New DAGs start their first scheduled run at once, and Airflow needs longer
# to start than this needs after helm has created the claim.
deliver() {
  local deadline=$((SECONDS + 300))
  .venv/bin/medallion sample --rows "$SAMPLE_ROWS" --output "$work/landing/customer_transactions.csv" >/dev/null
  .venv/bin/medallion sample --kind adventureworks --output "$work/landing" >/dev/null
  until kube get persistentvolumeclaim medallion-landing >/dev/null 2>&1; do
    [ $SECONDS -lt $deadline ] || { echo "there is no claim medallion-landing"; return 1; }
    sleep 1
  done
  k8s/upload.sh "$work/landing" .
}

step "charts" k8s/charts.sh
k8s/build.sh >"$work/build" 2>&1 & builds=$! # while the cluster starts and takes the other images
built() { wait "$builds" || { cat "$work/build"; return 1; }; cat "$work/build"; }
step "kind cluster $CLUSTER" cluster
load_theirs >"$work/theirs" 2>&1 & theirs=$! # while ours are built and loaded
loaded() { wait "$theirs" || { cat "$work/theirs"; return 1; }; cat "$work/theirs"; }
step "Medallion's images built" built
step "Medallion's images into the cluster" load "${ours[@]}"
step "Postgres and git-sync into the cluster" loaded
step "namespace $NAMESPACE, under the restricted standard" namespace
step "git server with this checkout" git_server
deliver >"$work/deliver" 2>&1 & deliver=$! # while helm waits for Airflow
delivered() { wait "$deliver" || { cat "$work/deliver"; return 1; }; cat "$work/deliver"; }
step "helm install" release
step "sample data on the landing volume" delivered
step "first run of $PIPELINE" k8s/trigger.sh "$PIPELINE" --join

printf '\n'
printf '%s\n' "${summary[@]}"
printf '%5s s  in all\n' $SECONDS
cat <<END

The Airflow UI:  make ui, then http://localhost:8080$(ui_path)
Its user:        $(kube get secret medallion-ui -o 'go-template={{.data.username | base64decode}}')
Its password:    $(kube get secret medallion-ui -o 'go-template={{.data.password | base64decode}}')
Next:            make run PIPELINE=$PIPELINE, make status, make help
END
