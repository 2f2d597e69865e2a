#!/usr/bin/env bash
# What a machine has before anyone reads our README: certificates, git, make; sudo for a user.
# before.sh USER
set -euo pipefail
user=$1
more=()
[ "$user" = root ] || more=(sudo)
apt-get -q update > /walk/before.log 2>&1
apt-get -q -y --no-install-recommends install git make ca-certificates "${more[@]}" >> /walk/before.log 2>&1 ||
  { tail -n 20 /walk/before.log; exit 1; }
update-ca-certificates > /dev/null 2>&1
home=/root
if [ "$user" != root ]; then
  useradd --create-home --shell /bin/bash "$user"
  echo "$user ALL=(ALL) NOPASSWD: ALL" > "/etc/sudoers.d/$user"
  home=/home/$user
  cp -a /root/.config /root/.npmrc "$home/" 2> /dev/null || true
  chown -R "$user:$user" "$home"
fi
ln -s "${home#/}" /walk-home
rm -f /.host 2> /dev/null || true
