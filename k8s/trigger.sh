#!/usr/bin/env bash
# Triggers a pipeline and waits for its end: k8s/trigger.sh PIPELINE [--join|--profile]. The exit code is 0 if the run
# succeeded. --join follows a run that is already in progress, --profile then prints where the time of each step went.
set -euo pipefail
. "$(dirname "$0")/env.sh"
pipeline=${1:?usage: k8s/trigger.sh PIPELINE [--join|--profile]}

secret() { kube get secret medallion-ui -o "go-template={{.data.$1 | base64decode}}"; }
AIRFLOW_USER=$(secret username) AIRFLOW_PASSWORD=$(secret password)
export AIRFLOW_USER AIRFLOW_PASSWORD
path=$(ui_path)
forward medallion-api-server api-server
script=trigger.py options=("${@:2}")
if [ "${2:-}" = --profile ]; then script=profile_run.py options=(); fi
python3 "$K8S/$script" "http://127.0.0.1:$port$path" "$pipeline" "${options[@]}"
