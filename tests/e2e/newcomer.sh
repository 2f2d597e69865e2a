#!/usr/bin/env bash
# The first minutes of a new user: a clean clone, `make help`, `make demo`, only that the demo checks
# itself and ends. Minutes long, so it is not part of `make test`; `make e2e` runs it.
#
#   tests/e2e/newcomer.sh [REPOSITORY]     default: the one this script is in; its committed state
set -euo pipefail
source=${1:-$(cd "$(dirname "$0")/../.." && pwd)}
folder=$(mktemp -d "${TMPDIR:-/tmp}/sovmesh-newcomer.XXXXXX")
trap 'rm -rf "$folder"' EXIT
# Nothing of an earlier build: its own home and compiler cache.
export HOME=$folder/home CCACHE_DIR=$folder/ccache XDG_CACHE_HOME=$folder/cache
unset SM_BINARY SM_DEPS_DIR SM_LLAMA_SERVER OPENAI_BASE_URL OPENAI_API_KEY
mkdir -p "$HOME"

began=$SECONDS
git clone -q --no-hardlinks "$source" "$folder/mesh"
cd "$folder/mesh"
grep '^  demo ' <<< "$(make help)" > /dev/null
# `make demo` without its last line, which stays in the foreground.
[[ $(make --dry-run demo | tail -n 1) == *'build/release/sovmesh demo' ]]
make setup
make build PRESET=release
build/release/sovmesh demo --check --data-dir "$folder/demo"
code=0
build/release/sovmesh demo --check --data-dir "$folder/demo" --sabotage=drop-one-token || code=$?
[ $code = 1 ] || { echo "newcomer: the sabotaged check ended with $code, not 1" >&2; exit 1; }
echo "newcomer: from the clone to checked answers in $((SECONDS - began)) s"
