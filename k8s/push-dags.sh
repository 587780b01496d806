#!/usr/bin/env bash
# Pushes this folder, uncommitted changes and all, to the cluster's git server: git-sync serves it to Airflow.
# Your index, branches and commits stay as they are; the folder need not be a git repository.
set -euo pipefail
. "$(dirname "$0")/env.sh"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
if index=$(git rev-parse --git-path index 2>/dev/null); then
  cp "$index" "$scratch/index" 2>/dev/null || true # spares hashing what has not changed
else
  git init --quiet --bare "$scratch/git"
  export GIT_DIR=$scratch/git GIT_WORK_TREE=$PWD
fi
GIT_INDEX_FILE=$scratch/index git add --all
tree=$(GIT_INDEX_FILE=$scratch/index git write-tree)

commit=$(git rev-parse --verify --quiet HEAD || true)
if [ -z "$commit" ] || [ "$tree" != "$(git rev-parse 'HEAD^{tree}')" ]; then
  commit=$(git -c user.name=medallion -c user.email=medallion@localhost \
    commit-tree "$tree" ${commit:+-p "$commit"} -m "The folder as it is, with uncommitted changes")
fi
forward medallion-git git
trap 'rm -rf "$scratch"; kill "$FORWARD_PID" 2>/dev/null || true' EXIT
git push --quiet --force "git://127.0.0.1:$port/medallion.git" "$commit:refs/heads/main"
echo "$commit is on the cluster's git server"
