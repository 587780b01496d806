#!/usr/bin/env bash
# Prints the images that the chart runs beside Medallion's own, as its values name them.
set -euo pipefail
. "$(dirname "$0")/env.sh"
helm template "$RELEASE" "$CHART" --values "$CHART/values-kind.yaml" |
  awk '$1 == "image:" || $2 == "image:" {print $NF}' | tr -d '"' | sort -u
