#!/usr/bin/env bash
# The packages on a bare machine: install, use, run the service's command as its user, remove, purge,
# and the tarball. systemd is not PID 1 here, so the unit itself is only read.
set -euo pipefail
cd /walk
fail() { echo "newcomer: $*" >&2; exit 1; }
now() { date +%s.%N; }
since() { awk -v a="$1" -v b="$(now)" 'BEGIN { printf "%.1f", b - a }'; }
as() { local user=$1; shift; setpriv --reuid "$user" --regid "$user" --init-groups --no-new-privs --inh-caps=-all "$@"; }
apt() { apt-get -q -y --no-install-recommends -o Dpkg::Use-Pty=0 "$@" > /walk/apt.log 2>&1 || { tail -n 20 /walk/apt.log; fail "apt-get $*"; }; }
# demo_check BINARY: as an ordinary user
demo_check() {
  (cd /home/bob && as bob env HOME=/home/bob "$1" demo --check) > check.log 2>&1 || { tail -n 20 check.log; fail "$1 demo --check"; }
  grep -q 'All counts agree' check.log || fail "no agreement"
}
useradd --create-home bob
apt update
deb=$(echo /walk/sovmesh_*.deb)

began=$(now)
apt install "$deb"
took=$(since "$began")
echo "   apt-get install of the .deb with what it depends on        $took s ($(grep -c '^Setting up' apt.log) packages)"
awk -v t="$took" 'BEGIN { exit t >= 60 }' || fail "installing took more than a minute"
began=$(now)
demo_check sovmesh
echo "   sovmesh demo --check as an ordinary user                   $(since "$began") s"
as bob sovmesh doctor | sed 's/^/      | /' || true

# The service by hand: its command, its user, its folder, its umask.
unit=$(dpkg -L sovmesh | grep '/sovmesh.service$')
field() { sed -n "s/^$1=//p" "$unit"; }
[ "$(stat -c '%U %a' /var/lib/sovmesh)" = "$(field User) 700" ] || fail "the state folder is $(stat -c '%U %a' /var/lib/sovmesh)"
sovmesh config validate /etc/sovmesh/sovmesh.yaml > /dev/null
read -ra command <<< "$(field ExecStart)"
rm -f serve.log serve.err
(umask "$(field UMask)"; cd /; as "$(field User)" env -i PATH=/usr/bin:/bin "${command[@]}" > /walk/serve.log 2> /walk/serve.err) &
job=$!
for _ in $(seq 100); do grep -qs '"event":"ready"' serve.log && break; sleep 0.1; done
grep -q '"event":"ready"' serve.log || { cat serve.err; fail "the service's command is not ready"; }
pid=$(sed -n 's/.*"pid":\([0-9]*\).*/\1/p' serve.log)
sovmesh tenant create acme > /dev/null
key=$(sovmesh key create --tenant acme | grep -oE 'sm-[A-Za-z0-9_-]+' | head -n 1)
[ -n "$key" ] || fail "no key was printed"
kill -HUP "$pid"  # ExecReload
KEY=$key python3 - << 'PYTHON'
import json, os, urllib.request
request = urllib.request.Request("http://127.0.0.1:8080/v1/chat/completions", json.dumps({"model": "sovmesh-tiny",
    "messages": [{"role": "user", "content": "What is a tenant?"}]}).encode(),
    {"Content-Type": "application/json", "Authorization": "Bearer " + os.environ["KEY"]})
print("      |", json.load(urllib.request.urlopen(request, timeout=60))["choices"][0]["message"]["content"])
PYTHON
began=$(now)
kill -TERM "$pid"
code=0
wait $job || code=$?
[ $code = 0 ] || { tail serve.err; fail "the service's command ended with $code"; }
echo "   the service's command as $(field User): ready, answers, reloads, stops in $(since "$began") s"
grep -i 'reload\|configuration' serve.err | tail -n 2 | cut -c 1-150 | sed 's/^/      | /' || true

# Removing keeps what is not ours to throw away; purging asks nothing and takes only what it made.
touch /etc/sovmesh/mine.key
apt remove sovmesh
[ -f /var/lib/sovmesh/ledger.db ] && [ -f /etc/sovmesh/sovmesh.yaml ] || fail "remove took data or configuration"
[ ! -e /usr/bin/sovmesh ] && [ ! -e /usr/lib/sovmesh ] || fail "remove left the program or its folder"
apt install "$deb"
apt purge sovmesh < /dev/null
[ ! -e /var/lib/sovmesh ] && [ ! -e /etc/sovmesh/sovmesh.yaml ] || fail "purge left data or configuration"
[ -f /etc/sovmesh/mine.key ] || fail "purge took a file that is not ours"
! find / -xdev -name '*sovmesh*' -not -path '/walk/*' -not -path '/proc/*' -not -path '/home/*' -not -path '/etc/sovmesh' |
  grep . || fail "purge left these files"
echo "   remove keeps data, purge leaves nothing but a foreign file"

# The tarball, with the libraries that the .deb asked for still there.
began=$(now)
tar -xzf /walk/sovmesh-*.tar.gz -C /opt
took=$(since "$began")
demo_check /opt/sovmesh-*/bin/sovmesh
echo "   tar -x of the tarball $took s, with demo --check            $(since "$began") s"
