#!/usr/bin/env bash
# Puts the systemd unit in place, so that the service starts at boot.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: deploy/install.sh [--dry-run] [--user NAME]

Makes the user (default: funding) and the folder var/ when they are missing, installs the packages
into .venv, writes /etc/systemd/system/funding.service from deploy/funding.service and enables it.
Needs root. It may be run again at any time: what is in place stays as it is.

  --dry-run    say what would be done, and do nothing
  --user NAME  the unprivileged user that runs the service
TEXT
}

dry="" user=funding
while [ $# -gt 0 ]; do
    case "$1" in
        --dry-run) dry=yes ;;
        --user) shift; user="${1:?--user needs a name}" ;;
        -h | --help) usage; exit 0 ;;
        *) usage >&2; exit 2 ;;
    esac
    shift
done

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"
unit=/etc/systemd/system/funding.service

fail() { echo "deploy/install.sh: $1" >&2; exit 1; }
run() {
    echo "+ $*"
    if [ -z "$dry" ]; then "$@"; fi
}

[[ "$user" =~ ^[a-z_][a-z0-9_-]*$ ]] || fail "not a user name: $user"
[[ "$root" != *[[:space:]%]* ]] || fail "a systemd unit cannot name a folder with a space or a % in its path: $root"
[ "$user" != root ] || fail "the service must not run as root"
if [ -z "$dry" ] && [ "$(id -u)" != 0 ]; then fail "needs root (or --dry-run)"; fi

written="$(mktemp)"
trap 'rm -f "$written"' EXIT
sed -e "s|@ROOT@|$root|g" -e "s|@USER@|$user|g" "$root/deploy/funding.service" >"$written"

if ! id "$user" >/dev/null 2>&1; then
    run useradd --system --user-group --no-create-home --home-dir "$root/var" --shell /usr/sbin/nologin "$user"
fi
run install -d -m 0700 -o "$user" -g "$user" "$root/var" "$root/var/log"
cd "$root"
if [ -z "$dry" ]; then
    source scripts/setup.sh
    setup requirements.txt
else
    echo "+ (install requirements.txt into .venv, when needed)"
fi
if cmp -s "$written" "$unit"; then
    echo "$unit is up to date"
else
    run install -m 0644 "$written" "$unit"
    run systemctl daemon-reload
fi
run systemctl enable --now funding.service
if [ -e var/funding.env ]; then
    echo "deploy/install.sh: var/funding.env is not read any longer: move it to $root/funding.env" >&2
fi
echo "then: systemctl status funding; your own settings go to $root/funding.env"
