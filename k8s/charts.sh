#!/usr/bin/env bash
# Puts the chart's dependencies in place: from a folder of archives, or else from their repositories.
set -euo pipefail
. "$(dirname "$0")/env.sh"
. "$K8S/platform.sh"

cached=$HOME/.cache/medallion/charts
mapfile -t archives < <(awk '/^  - name:/ {name = $3} /^    version:/ {print name "-" $2 ".tgz"}' "$CHART/Chart.yaml")
complete() { local archive; for archive in "${archives[@]}"; do [ -f "$1/$archive" ] || return 1; done; }

if [ -z "${MEDALLION_CHARTS_DIR:-}" ] && complete "$cached"; then MEDALLION_CHARTS_DIR=$cached; fi
if [ -n "${MEDALLION_CHARTS_DIR:-}" ]; then
  complete "$MEDALLION_CHARTS_DIR" || fail "MEDALLION_CHARTS_DIR=$MEDALLION_CHARTS_DIR must hold: ${archives[*]}"
  mkdir -p "$CHART/charts"
  for archive in "${archives[@]}"; do cp "$MEDALLION_CHARTS_DIR/$archive" "$CHART/charts/"; done
elif ! complete "$CHART/charts"; then
  helm dependency update "$CHART"
fi
