#!/usr/bin/env bash
# The first hour of a new user, on a machine that has nothing of ours: a bare Debian tree (debootstrap).
# Clone, `make demo`, the README's examples as they stand there, its own-engine YAML, `make package`,
# then the package on a second bare tree. Minutes long and needs root, so it is not part of
# `make test`; `make e2e` runs it.
#
#   tests/e2e/newcomer.sh [SUITE...]      default: bookworm trixie (then trixie as a user with sudo)
#
#   NEWCOMER_DIR       where the trees go (default: a new folder under /var/tmp, 4 GB per suite)
#   NEWCOMER_LIMIT     seconds from the clone to the first streamed token (default 600)
#   NEWCOMER_MIRROR    Debian mirror (default: the one this machine uses)
#   NEWCOMER_KEEP      not empty: leave the trees
#
# It walks the committed state of this repository. How this machine reaches the network (resolver,
# apt's proxy lines, local certificates, package index variables) is copied into the trees; nothing
# else is.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$here/../.." && pwd)

skip() { echo "SKIPPED: $*"; exit 77; }

# ---- in a namespace of its own: mounts and processes end with it -----------------------------------
# The tree becomes the root by pivot_root, not chroot: in a chroot the kernel allows no user namespaces.
if [ "${1:-}" = --inside ]; then
  root=$2 user=$3
  shift 3
  mount --bind "$root" "$root"
  mount -t proc proc "$root/proc"
  mount -t sysfs -o ro sysfs "$root/sys"
  mount --bind /dev "$root/dev"
  mount -t tmpfs -o mode=1777 tmpfs "$root/run"
  cd "$root"
  mkdir -p .host
  pivot_root . .host
  umount -l /.host
  rmdir /.host 2> /dev/null || true
  cd /
  umask 022
  if [ "$user" = root ]; then exec "$@"; fi
  exec setpriv --reuid "$user" --regid "$user" --init-groups "$@"
fi

# inside ROOT USER COMMAND...
inside() {
  local root=$1 user=$2 name home=/root environment=()
  shift 2
  [ "$user" = root ] || home=/home/$user
  for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY PIP_INDEX_URL \
    PIP_EXTRA_INDEX_URL PIP_TRUSTED_HOST PIP_DEFAULT_TIMEOUT GOPROXY GONOSUMDB GOSUMDB GOFLAGS \
    NPM_CONFIG_REGISTRY npm_config_registry; do
    [ -z "${!name:-}" ] || environment+=("$name=${!name}")
  done
  local bundle=/etc/ssl/certs/ca-certificates.crt
  setpriv --pdeathsig KILL -- unshare --mount --pid --ipc --uts --fork --kill-child --propagation private -- \
    env -i HOME="$home" USER="$user" TERM=dumb LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PIP_CERT=$bundle SSL_CERT_FILE=$bundle NODE_EXTRA_CA_CERTS=$bundle NEWCOMER_LIMIT="${NEWCOMER_LIMIT:-600}" \
    "${environment[@]}" "$here/newcomer.sh" --inside "$root" "$user" "$@"
}

# This machine's way to the network.
copy_network() {
  local root=$1 file
  cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
  { grep -lE '^[^/#]*Acquire::' /etc/apt/apt.conf.d/* /etc/apt/apt.conf 2> /dev/null || true; } |
    while read -r file; do cp "$file" "$root/etc/apt/apt.conf.d/"; done
  if compgen -G '/usr/local/share/ca-certificates/*.crt' > /dev/null; then
    mkdir -p "$root/usr/local/share/ca-certificates"
    cp /usr/local/share/ca-certificates/*.crt "$root/usr/local/share/ca-certificates/"
  fi
  for file in /etc/pip.conf ~/.config/pip/pip.conf ~/.npmrc ~/.config/go/env; do
    [ -f "$file" ] || continue
    if [[ $file == /etc/* ]]; then cp "$file" "$root$file"; continue; fi
    mkdir -p "$(dirname "$root/root/${file#"$HOME"/}")"
    cp "$file" "$root/root/${file#"$HOME"/}"
  done
}

mirror() {
  if [ -n "${NEWCOMER_MIRROR:-}" ]; then echo "$NEWCOMER_MIRROR"; return; fi
  local found=''
  if grep -qx 'ID=debian' /etc/os-release; then
    found=$(apt-get indextargets --format '$(REPO_URI)|$(COMPONENT)' 'Created-By: Packages' 2> /dev/null |
      awk -F'|' '$2 == "main" && $1 !~ /security/ { print $1; exit }')
  fi
  echo "${found:-http://deb.debian.org/debian}"
}

# walk SUITE USER
walk() {
  local suite=$1 user=$2 base=$folder/$1.base root=$folder/$1 began=$SECONDS
  echo "== $suite, as $user"
  [ -f "$base/etc/os-release" ] || debootstrap --variant=minbase "$suite" "$base" "$(mirror)" > "$folder/$suite.log" 2>&1 ||
    { tail -n 20 "$folder/$suite.log"; return 1; }
  echo "   a bare machine: $((SECONDS - began)) s, $(du -sm "$base" | cut -f 1) MB"
  copy_network "$base"
  cp -a "$base" "$root"
  mkdir "$root/walk" "$base/walk"
  cp "$folder/mesh.bundle" "$here"/newcomer/* "$root/walk/"

  inside "$root" root /walk/before.sh "$user"
  inside "$root" "$user" /walk/walk.sh
  # The package, on the other bare machine.
  cp "$root"/walk-home/mesh/build/package/* "$base/walk/"
  cp "$here"/newcomer/* "$base/walk/"
  inside "$base" root /walk/install.sh
  [ -n "${NEWCOMER_KEEP:-}" ] || rm -rf --one-file-system "$root" "$base"
}

[ "$(id -u)" = 0 ] || skip "needs root (namespaces, debootstrap)"
command -v debootstrap > /dev/null || skip "needs debootstrap (scripts/setup --e2e)"
folder=${NEWCOMER_DIR:-$(mktemp -d /var/tmp/sovmesh-newcomer.XXXXXX)}
mkdir -p "$folder"
[ -n "${NEWCOMER_KEEP:-}${NEWCOMER_DIR:-}" ] || trap 'rm -rf --one-file-system "$folder"' EXIT
git -C "$source" bundle create -q "$folder/mesh.bundle" HEAD
suites=("$@")
[ $# -gt 0 ] || suites=(bookworm trixie)
for suite in "${suites[@]}"; do
  case $suite in bookworm) walk "$suite" root ;; *) walk "$suite" ada ;; esac
done
