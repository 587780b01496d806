#!/usr/bin/env bash
# Builds Medallion's images: k8s/build.sh [REGISTRY]. TAG names the tag.
set -euo pipefail
. "$(dirname "$0")/env.sh"
. "$K8S/platform.sh"
registry=${1:-$REGISTRY}
# Nothing here needs BuildKit, so an engine without it will do.
docker buildx version >/dev/null 2>&1 || export DOCKER_BUILDKIT=0

build() { # name docker-build-arguments...
  local began=$SECONDS said
  said=$(docker build --quiet --tag "$registry/$1:$TAG" "${@:2}" 2>&1) || fail "$said"
  echo "$registry/$1:$TAG in $((SECONDS - began)) s"
}
make -s wheel
build git-server k8s/git-server
build cleaner --file images/cleaner/Dockerfile .
build dbt --file images/dbt/Dockerfile .
build airflow --file images/airflow/Dockerfile .
