#!/usr/bin/env bash
# What is made from api/openapi.yaml is up to date, types hold, tests pass.
set -euo pipefail
cd "$(dirname "$0")"
node=$SM_DEPS_DIR/bin/node
[ -x "$node" ] && [ -f node_modules/typescript/bin/tsc ] || {
  echo "SKIPPED: node or its packages are missing (scripts/setup --tests)"
  exit 77
}
"$node" generate.mjs --check
"$node" node_modules/typescript/bin/tsc --noEmit
"$node" --test --test-reporter=dot 'test/*.test.ts'
