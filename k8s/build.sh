#!/usr/bin/env bash
# Builds Medallion's images. TAG names the tag.
set -euo pipefail
. "$(dirname "$0")/env.sh"
. "$K8S/platform.sh"
# Nothing here needs BuildKit, so an engine without it will do.
docker buildx version >/dev/null 2>&1 || export DOCKER_BUILDKIT=0

build() { # name docker-build-arguments...
  local began=$SECONDS output
  output=$(docker build --quiet --tag "$REGISTRY/$1:$TAG" "${@:2}" 2>&1) || fail "$output"
  echo "$REGISTRY/$1:$TAG in $((SECONDS - began)) s"
}
make -s wheel
build git-server k8s/git-server
build cleaner --file images/cleaner/Dockerfile .
build dbt --file images/dbt/Dockerfile .
build airflow --file images/airflow/Dockerfile .
