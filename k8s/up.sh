#!/usr/bin/env bash
# Brings Medallion up on kind, from nothing to a first run. Safe to run again: it does what is missing and
# upgrades the rest. CLUSTER, NAMESPACE, RELEASE, PIPELINE, KIND_NODE_IMAGE and what platform.sh names are read.
set -euo pipefail
. "$(dirname "$0")/env.sh"
. "$K8S/platform.sh"
PIPELINE=${PIPELINE:?the name of the pipeline of the first run}
SAMPLE_ROWS=${SAMPLE_ROWS:-20000}

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
  kind create cluster --quiet --name "$CLUSTER" --config "$K8S/kind.yaml" ${image:+--image "$image"} --wait 120s
  [ -z "$mine" ] || kubectl config use-context "$mine" >/dev/null
}

load() { # image...
  local output
  output=$(kind load docker-image --name "$CLUSTER" "$@" 2>&1) || { printf '%s\n' "$output"; return 1; }
  printf '%s\n' "$@"
}

# What is on this machine is loaded; the rest the cluster pulls.
load_theirs() {
  local image here=()
  for image in $("$K8S/list-images.sh"); do
    if docker image inspect "$image" >/dev/null 2>&1; then here+=("$image"); fi
  done
  if [ ${#here[@]} -gt 0 ]; then load "${here[@]}"; fi
}

namespace() {
  kubectl --context "$KUBE_CONTEXT" create namespace "$NAMESPACE" --dry-run=client -o yaml | kube apply -f - >/dev/null
  kube label --overwrite namespace "$NAMESPACE" pod-security.kubernetes.io/enforce=restricted >/dev/null
}

git_server() {
  sed "s|image: git-server .*|image: $REGISTRY/git-server:$TAG|" "$K8S/git-server/manifest.yaml" | kube apply -f - >/dev/null
  kube rollout status deployment/medallion-git --timeout=120s >/dev/null
  "$K8S/push-dags.sh"
}

release() {
  local team=() # a team's own values; those of kind have the last word, and name the git server of this cluster
  [ -n "$SOURCE" ] || [ ! -f values.yaml ] || team=(--values values.yaml)
  helm --kube-context "$KUBE_CONTEXT" --namespace "$NAMESPACE" upgrade --install "$RELEASE" "$CHART" --version "$TAG" \
    "${team[@]}" --values "$K8S/values-kind.yaml" "${image_values[@]}" \
    --set-string "global.images.revision=$(revision)" \
    --wait --wait-for-jobs --timeout "${HELM_TIMEOUT:-10m}" >"$work/helm" || { cat "$work/helm"; kube get pods; return 1; }
}

# Changes with the images, also when their tag does not.
revision() {
  if [ -n "$SOURCE" ]; then docker image inspect --format '{{.Id}}' "$REGISTRY/airflow:$TAG"; else echo "$TAG"; fi
}

# Files for each pipeline. New DAGs start their first scheduled run at once, and Airflow needs longer to start than this
# needs after helm has created the claim.
deliver() {
  local deadline=$((SECONDS + 300)) landing=$work/landing
  if [ -n "$SOURCE" ]; then
    .venv/bin/medallion sample --rows "$SAMPLE_ROWS" --output "$landing/customer_transactions.csv" >/dev/null
    .venv/bin/medallion sample --kind adventureworks --output "$landing" >/dev/null
  elif [ -d landing ]; then
    landing=landing
  else
    echo "there is no folder landing"
    return
  fi
  until kube get persistentvolumeclaim medallion-landing >/dev/null 2>&1; do
    [ $SECONDS -lt $deadline ] || { echo "there is no claim medallion-landing"; return 1; }
    sleep 1
  done
  "$K8S/upload.sh" "$landing" .
}

ours() {
  if [ -n "$SOURCE" ]; then load "${images[@]}"
  elif [ "$REGISTRY" = "$LOCAL_REGISTRY" ]; then kind load image-archive --name "$CLUSTER" "$MEDALLION_PLATFORM/images-$TAG.tar"
  else echo "the cluster pulls them from $REGISTRY"; fi
}

build() { [ -z "$SOURCE" ] || "$K8S/build.sh"; }

[ -z "$SOURCE" ] || step "charts" "$K8S/charts.sh"
build >"$work/build" 2>&1 & builds=$! # while the cluster starts and takes the other images
built() { wait "$builds" || { cat "$work/build"; return 1; }; cat "$work/build"; }
step "kind cluster $CLUSTER" cluster
load_theirs >"$work/theirs" 2>&1 & theirs=$! # while ours are built and loaded
loaded() { wait "$theirs" || { cat "$work/theirs"; return 1; }; cat "$work/theirs"; }
[ -z "$SOURCE" ] || step "Medallion's images built" built
step "Medallion's images into the cluster" ours
step "Postgres and git-sync into the cluster" loaded
step "namespace $NAMESPACE, under the restricted standard" namespace
step "git server with this checkout" git_server
deliver >"$work/deliver" 2>&1 & deliver=$! # while helm waits for Airflow
delivered() { wait "$deliver" || { cat "$work/deliver"; return 1; }; cat "$work/deliver"; }
step "helm install" release
step "files on the landing volume" delivered
step "first run of $PIPELINE" "$K8S/trigger.sh" "$PIPELINE" --join

printf '\n'
printf '%s\n' "${summary[@]}"
printf '%5s s  in all\n' $SECONDS
cat <<END

The Airflow UI:  make ui, then http://localhost:8080$(ui_path)
Its user:        $(kube get secret medallion-ui -o 'go-template={{.data.username | base64decode}}')
Its password:    $(kube get secret medallion-ui -o 'go-template={{.data.password | base64decode}}')
Next:            make run PIPELINE=$PIPELINE, make status, make help
END
