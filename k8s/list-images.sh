#!/usr/bin/env bash
# Prints the images that the chart runs besides Medallion's own, as its values name them.
set -euo pipefail
. "$(dirname "$0")/env.sh"
. "$K8S/platform.sh"
helm template "$RELEASE" "$CHART" --version "$TAG" --values "$K8S/values-kind.yaml" "${image_values[@]}" |
  awk '$1 == "image:" || $2 == "image:" {print $NF}' | tr -d '"' | sort -u | grep -v "^$REGISTRY/"
