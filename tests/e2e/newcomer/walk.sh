#!/usr/bin/env bash
# The walk itself, as the new user, on the bare machine.
set -euo pipefail
set -m  # each job is a process group of its own, which Ctrl-C reaches as a whole
unset SM_BINARY SM_DEPS_DIR SM_LLAMA_SERVER OPENAI_BASE_URL OPENAI_API_KEY
cd ~

# CPU seconds of all that has ended so far; of the running `make demo`, what it has waited for.
cpu() {
  local pid
  for pid in $$ ${demo:-}; do awk -v hz="$(getconf CLK_TCK)" '{ print ($16 + $17) / hz }' "/proc/$pid/stat"; done |
    awk '{ s += $1 } END { printf "%d", s }'
}
last=$SECONDS last_cpu=0
step() {
  printf '   %-58s %5d s wall %5d s CPU\n' "$1" $((SECONDS - last)) $(($(cpu) - last_cpu))
  last=$SECONDS last_cpu=$(cpu)
}
fail() { echo "newcomer: $*" >&2; exit 1; }
# until_line FILE PATTERN SECONDS PID
until_line() {
  local end=$((SECONDS + $3))
  until grep -q -- "$2" "$1" 2> /dev/null; do
    kill -0 "$4" 2> /dev/null || { tail -n 40 "$1"; fail "it ended before '$2'"; }
    [ $SECONDS -lt $end ] || { tail -n 40 "$1"; fail "no '$2' within $3 s"; }
    sleep 0.2
  done
}
# As Ctrl-C does; the job must end within 40 s. Sets `code`.
interrupt() {
  local pid=$1 end=$((SECONDS + 40))
  code=0
  kill -INT -- "-$pid"
  while kill -0 "$pid" 2> /dev/null; do
    [ $SECONDS -lt $end ] || { kill -KILL -- "-$pid"; fail "it did not stop within 40 s"; }
    sleep 0.1
  done
  wait "$pid" || code=$?
}

began=$SECONDS
git -c init.defaultBranch=main -c advice.detachedHead=false clone -q /walk/mesh.bundle mesh
cd mesh
grep '^ *demo ' <<< "$(make help)" > /dev/null || fail "make help does not list demo"
make demo > ~/demo.log 2>&1 &
demo=$!
until_line ~/demo.log '^  > .' 3600 $demo
first=$((SECONDS - began))
until_line ~/demo.log 'Ctrl-C stops' 60 $demo
step "git clone, make demo: first streamed token after $first s"
sed -n 's/^/      | /; /done in/p; /^setup:/p' ~/demo.log
grep -m 1 -A 1 'What is Sovereign Mesh' ~/demo.log | sed 's/^/      | /'

# The README's five examples, as they stand there.
python3 -m venv ~/sdk
~/sdk/bin/pip -q install --disable-pip-version-check openai
step "pip install openai"
readme() { python3 /walk/readme.py README.md "$@"; }
readme 'Five things to try' python > ~/five.py
for tenant in aurora borealis; do
  line=$(grep -A 1 "^  # $tenant" ~/demo.log | tail -n 1)
  code=0
  (eval "$line" && exec ~/sdk/bin/python ~/five.py) > ~/five-$tenant.log 2>&1 || code=$?
  case $tenant in
    aurora) [ $code = 0 ] || { cat ~/five-$tenant.log; fail "the README's examples failed"; } ;;
    borealis) grep -q 'NotFoundError' ~/five-$tenant.log || { cat ~/five-$tenant.log; fail "borealis saw the pirate"; } ;;
  esac
done
sed 's/^/      | /' ~/five-aurora.log
grep -q 'model_not_found' ~/five-aurora.log || fail "example 5 did not print model_not_found"
grep -q 'So sing the sailors!' ~/five-aurora.log || fail "example 4 is no pirate"
step "the five examples, for both tenants"
interrupt $demo
[ "$code" = 0 ] || [ "$code" = 130 ] || [ "$code" = 2 ] || { tail ~/demo.log; fail "Ctrl-C: make demo ended with $code"; }
! pgrep -f 'build/release/sovmesh|llama_launcher' > /dev/null 2>&1 || fail "something still runs after Ctrl-C"
demo=''
step "Ctrl-C (exit $code)"

make demo DEMO=--check > ~/check.log 2>&1 || { tail -n 30 ~/check.log; fail "demo --check failed"; }
tail -n 1 ~/check.log | sed 's/^/      | /'
step "make demo DEMO=--check: a second run"
code=0
build/release/sovmesh demo --check --sabotage=drop-one-token > ~/sabotage.log 2>&1 || code=$?
[ $code = 1 ] || { tail ~/sabotage.log; fail "the sabotaged check ended with $code, not 1"; }

# The README's YAML, with a simulated engine where it says vLLM.
mkdir ~/own && readme 'Your own engine' yaml > ~/own/gateway.yaml
AURORA_KEY=$(build/release/sovmesh key generate)
export AURORA_KEY
build/release/sovmesh config validate ~/own/gateway.yaml > /dev/null
build/release/sovmesh engine-sim --listen 127.0.0.1:8000 --model Qwen/Qwen3-8B > ~/own/sim.log 2>&1 &
sim=$!
build/release/sovmesh serve --config ~/own/gateway.yaml --data-dir ~/own/data > ~/own/serve.log 2> ~/own/serve.err &
serve=$!
until_line ~/own/serve.log '"event":"ready"' 20 $serve
OPENAI_BASE_URL=http://127.0.0.1:8080/v1 OPENAI_API_KEY=$AURORA_KEY ~/sdk/bin/python - << 'PYTHON' | sed 's/^/      | /'
from openai import OpenAI
answer = OpenAI().chat.completions.create(model="assistant", messages=[{"role": "user", "content": "Hi"}])
print("own engine:", answer.choices[0].message.content, answer.usage.completion_tokens)
PYTHON
interrupt $serve
[ "$code" = 0 ] || { tail ~/own/serve.err; fail "serve ended with $code"; }
interrupt $sim
step "the README's own-engine YAML"

make package > ~/package.log 2>&1 || { tail -n 30 ~/package.log; fail "make package failed"; }
(cd build/package && du -h --apparent-size ./*.deb ./*.tar.gz | sed 's/^/      | /')
step "make package"
echo "   first streamed token after $first s (limit ${NEWCOMER_LIMIT} s), all in $((SECONDS - began)) s"
[ $first -le "$NEWCOMER_LIMIT" ] || fail "the first token took longer than $NEWCOMER_LIMIT s"
