#!/usr/bin/env bash
# Pushes this checkout, uncommitted changes and all, to the cluster's git server: git-sync serves it to Airflow.
# Your index, branches and commits stay as they are.
set -euo pipefail
. "$(dirname "$0")/env.sh"

scratch=$(mktemp -d)
cp "$(git rev-parse --git-path index)" "$scratch/index" 2>/dev/null || true # spares hashing what has not changed
export GIT_INDEX_FILE=$scratch/index
git add --all
tree=$(git write-tree)
unset GIT_INDEX_FILE
rm -rf "$scratch"

commit=$(git rev-parse HEAD)
if [ "$tree" != "$(git rev-parse 'HEAD^{tree}')" ]; then
  commit=$(git -c user.name=medallion -c user.email=medallion@localhost \
    commit-tree "$tree" -p "$commit" -m "The checkout as it is, with uncommitted changes")
fi
forward medallion-git git
git push --quiet --force "git://127.0.0.1:$port/medallion.git" "$commit:refs/heads/main"
echo "$commit is on the cluster's git server"
