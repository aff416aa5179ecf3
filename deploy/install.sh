#!/usr/bin/env bash
# Installs the service on a machine with systemd, upgrades it and removes it; see --help.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: deploy/install.sh [--dry-run] [--user NAME] [--consumers]
       deploy/install.sh --uninstall [--purge] [--dry-run] [--user NAME]

Copies this checkout to a release of its own, starts it at boot as an unprivileged user, and waits
until it serves. On a machine that has another release, this is an upgrade: when the new release does
not become healthy in 60 s, the one before comes back. Needs root. It may be run again at any time:
what is in place stays as it is.

  /opt/funding/releases/  this release and the one before, each with its packages
  /opt/funding/current    leads to the release that runs
  /opt/funding/var/       the data: 2750, for the user and, to read, for the group of the same name
  /etc/funding.env        the settings: 0640, for root and, to read, for the group
  /etc/funding.secrets.env  keys and tokens, when you make it: 0600

  --dry-run    say what would be done, and do nothing
  --user NAME  the unprivileged user that runs the service, and its group (default: the one that
               runs it already, else funding)
  --consumers  the consumers join the group, as with scripts/run --consumers; they stay in it
  --uninstall  remove the service and its releases; data, settings and user stay
  --purge      with --uninstall: these too
TEXT
}

user="" dry="" consumers="" action=install purge=""
source="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"
# Another folder in the place of / is for tests.
base="${DESTDIR:-}/opt/funding" etc="${DESTDIR:-}/etc"
unit=$etc/systemd/system/funding.service settings=$etc/funding.env
secrets=$etc/funding.secrets.env signals=$etc/funding.signals.toml
# While one release takes the place of another: what `remember` has written.
journal=$base/upgrade-under-way
health_seconds=60

fail() { echo "deploy/install.sh: $1" >&2; exit 1; }
run() {
    echo "+ $*"
    if [ -z "$dry" ]; then "$@"; fi
}
# The service's user, without root's environment.
as_service() { runuser -u "$user" -- env -i PATH="$PATH" "$@"; }

read_arguments() {
    while [ $# -gt 0 ]; do
        case "$1" in
            --dry-run) dry=yes ;;
            --user) shift; user="${1:?--user needs a name}" ;;
            --consumers) consumers=yes ;;
            --uninstall) action=uninstall ;;
            --purge) purge=yes ;;
            -h | --help) usage; exit 0 ;;
            *) usage >&2; exit 2 ;;
        esac
        shift
    done
    local runs
    runs="$(sed -n 's/^User=//p' "$unit" 2>/dev/null || true)"
    user="${user:-${runs:-funding}}"
    [[ "$user" =~ ^[a-z_][a-z0-9_-]*$ ]] || fail "not a user name: $user"
    [ "$user" != root ] || fail "the service must not run as root"
    [ "${runs:-$user}" = "$user" ] ||
        fail "the service runs as $runs, to whom its files belong: --uninstall comes first"
    [ -z "$purge" ] || [ "$action" = uninstall ] || fail "--purge goes with --uninstall"
    if [ -z "$dry" ] && [ "$(id -u)" != 0 ]; then fail "needs root (or --dry-run)"; fi
}

# What of this folder belongs to a release, as a tar archive that is the same for the same content.
archive() {
    tar --create --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=u+w,go=rX \
        --exclude-vcs --exclude=__pycache__ --exclude='.*_cache' --exclude='*.egg-info' \
        --exclude=.venv --exclude=.hypothesis --exclude=./var --exclude=./funding.env \
        --exclude=./signals.toml --exclude=./releases --exclude=./current --exclude=./previous \
        --directory "$source" .
}

make_user_and_folders() {
    local file
    if ! id "$user" >/dev/null 2>&1; then
        # The group may be there before, with its readers.
        run groupadd --system --force "$user"
        run useradd --system --gid "$user" --no-create-home --home-dir "$base/var" \
            --shell /usr/sbin/nologin "$user"
    fi
    if [ ! -e "$settings" ]; then
        for file in "$source/funding.env" "$base/funding.env"; do
            [ ! -f "$file" ] || fail "the settings are in $settings from now on: move $file there"
        done
        run install -m 0640 -o root -g "$user" "$source/funding.env.example" "$settings"
    fi
    [ -n "$dry" ] || as_service test -r "$settings" ||
        fail "$user may not read $settings: chown root:$user $settings; chmod 640 $settings"
    if [ -e "$secrets" ]; then run chmod 0600 "$secrets"; fi
    run install -d -m 0755 "$base" "$base/releases"
    # What the group may read: a new database takes after its folder (funding/runtime/access.py).
    run install -d -m 2750 -o "$user" -g "$user" "$base/var"
    # Not as root: whoever took the service over could have put a link there.
    run as_service mkdir -p -m 0700 "$base/var/log"
}

# build RELEASE: its files and packages; a build that was interrupted is begun again, and one that
# failed, as on a full disk, takes no room.
build() {
    local release=$1
    if [ -e "$1/.venv/complete" ]; then return; fi
    run rm -rf "$1"
    echo "+ (copy $source to $1, and install requirements.txt into its .venv)"
    if [ -n "$dry" ]; then return; fi
    (
        # Not "$1", which is another in a function that ends this.
        trap '[ -e "$release/.venv/complete" ] || rm -rf "$release"' EXIT
        umask 022
        mkdir "$1"
        archive | tar --extract --directory "$1"
        ln -s ../../var "$1/var"
        ln -s "$settings" "$1/funding.env"
        ln -s "$signals" "$1/signals.toml"  # where there is none, it leads nowhere
        cd "$1"
        source scripts/setup.sh
        setup requirements.txt
        .venv/bin/python -m compileall -q . || true  # the service's user may not write there
        touch .venv/complete
    )
}

# write_unit RELEASE: sets `changed` where the unit, or the consumers' part of the group, was another.
write_unit() {
    local new file=$base/var/consumers.conf
    new="$(sed -e "s|@BASE@|$base|g" -e "s|@USER@|$user|g" "$1/deploy/funding.service")"
    if [ "$new" != "$(cat "$unit" 2>/dev/null)" ]; then
        changed=yes
        run install -D -m 0644 /dev/stdin "$unit" <<<"$new"
    fi
    run systemctl daemon-reload  # also for a unit that an interrupted run has written
    if [ -z "$consumers" ] && [ ! -e "$file" ]; then return; fi
    new="$(sed "s|%(here)s/\.\./|$base/current/|g" "$1/consumers/supervisord.conf")"
    if [ "$new" != "$(cat "$file" 2>/dev/null)" ]; then
        changed=yes
        run install -m 0644 /dev/stdin "$file" <<<"$new"
    fi
}

# ask RELEASE WHAT …: see deploy/ask.py.
ask() { (cd "$1" && as_service .venv/bin/python - "${@:2}" <"$source/deploy/ask.py"); }

# serves SINCE [EXCHANGE …]: whether within a minute the API says of each exchange that it is healthy,
# of a connection made since, and every program runs. Says what it saw.
serves() {
    local saw="" idle="" end=$((SECONDS + health_seconds)) program
    if [ -n "$dry" ]; then echo "+ (wait until the service is healthy)"; return; fi
    echo "waiting until the service is healthy …"
    while [ $SECONDS -lt $end ]; do
        if saw="$(ask "$base/current" health "$@" 2>&1)"; then
            idle="$(idle)"
            if [ -z "$idle" ]; then echo "it serves: $saw"; return 0; fi
        fi
        sleep 1
    done
    {
        echo "not healthy after $health_seconds s: $saw"
        echo "the last lines of journalctl -u funding:"
        journalctl --unit funding --lines 5 --no-pager --output cat || true
        idle | while read -r program saw; do
            echo "$program $saw"
            tail -n 5 "$base/var/log/${program#*:}.log" 2>/dev/null || true
        done
    } >&2
    return 1
}
# The programs that do not run, as supervisorctl tells it.
idle() {
    cd "$base/current" && as_service .venv/bin/supervisorctl status 2>&1 |
        grep -Ev ' (RUNNING|STOPPED) ' || true
}

point() { run ln -sfn "$2" "$base/$1.new" && run mv -T "$base/$1.new" "$base/$1"; }

# remember OLD BACKUP STEP: for the next run, where this one is ended at any moment. OLD is the release
# that served last, BACKUP its database where the new release needs another version, STEP "back" from
# when OLD is put in its place again.
remember() {
    printf '%s\n' "$@" >"$journal.new"
    sync "$journal.new"
    mv "$journal.new" "$journal"
}

# go_back OLD BACKUP: to the release OLD with its database. It may have been interrupted at any point;
# what a reboot starts meanwhile is OLD, which refuses the database of a newer release.
go_back() {
    local database beside backup=$2
    remember "$1" "$backup" back
    point current "releases/${1##*/}"
    write_unit "$1"
    # Once it is in place it has its name no more. A link and a new name take no room, which a disk
    # may lack, and there is a database at any moment.
    if [ -n "$backup" ] && [ -e "$backup" ]; then
        database="$(readlink -f "$(ask "$1" database)")"
        for beside in -wal -shm; do
            if [ -e "$database$beside" ]; then
                as_service mv -T "$database$beside" "$database.undone$beside"
            fi
        done
        as_service ln -f "$database" "$database.undone"
        as_service chmod 0640 "$backup"
        as_service mv -T "$backup" "$database"
        echo "the database is as before; $database.undone has what was written since" >&2
    fi
}

# switch RELEASE: from the release that runs to this one, and back where this one does not serve.
switch() {
    local new=$1 old="" backup="" step="" version="" said since expected=""
    if [ -L "$base/current" ]; then old="$(readlink -f "$base/current")"; fi
    if [ -n "$old" ] && [ -z "$dry" ]; then
        # An exchange that was not healthy before tells nothing about the new release.
        expected="$(ask "$base/current" healthy 2>/dev/null || true)"
        version="$(ask "$new" migrates)"
    fi
    if [ -e "$journal" ]; then
        { read -r old && read -r backup && read -r step; } <"$journal"
        echo "an upgrade from $old was interrupted"
    elif [ "$version" = back ]; then
        fail "the database is of a newer version than $new knows: docs/operations.md, \"Upgrade\""
    fi
    run systemctl stop funding.service || true  # a first installation has none
    trap 'run systemctl start funding.service' EXIT  # whatever ends this script meanwhile
    if [ "$step" = back ] || { [ -n "$step" ] && [ "$new" = "$old" ]; }; then
        go_back "$old" "$backup"
        backup=""
        write_unit "$new"
        version="$(ask "$new" migrates)"
    fi
    if [ -n "$old" ] && [ "$old" != "$new" ] && [ -z "$dry" ]; then
        remember "$old" "$backup" forward
        if [ -z "$backup" ] && [ "$version" = yes ]; then
            said="$(cd "$old" && as_service scripts/backup --keep 7)" || {
                go_back "$old" ""
                rm "$journal"
                fail "the database could not be backed up: it stays with $old"
            }
            backup="$(readlink -f "${said%%: *}")"
            echo "the database is backed up: $backup: ${said#*: }"
            remember "$old" "$backup" forward
        fi
    fi
    point current "releases/${new##*/}"
    since=$(date +%s)
    trap - EXIT
    run systemctl start funding.service || true  # systemd goes on trying, and so do we
    # shellcheck disable=SC2086  # names of exchanges
    if serves "$since" $expected; then
        if [ -n "$old" ] && [ "$old" != "$new" ]; then point previous "releases/${old##*/}"; fi
        if [ -e "$journal" ]; then run rm "$journal"; fi
        return
    fi
    if [ -z "$old" ] || [ "$old" = "$new" ]; then
        fail "it does not serve: journalctl -u funding; tail $base/var/log/*.log"
    fi
    echo "going back to $old" >&2
    systemctl stop funding.service || true
    trap 'run systemctl start funding.service' EXIT
    go_back "$old" "$backup"
    since=$(date +%s)
    trap - EXIT
    systemctl start funding.service || true
    rm "$journal"
    # shellcheck disable=SC2086
    serves "$since" $expected || fail "$new does not serve, and neither does $old, which is back"
    fail "$new did not become healthy: $old is back, and serves"
}

# settings_are_newer: whether a file of settings was changed since the service was started.
settings_are_newer() {
    local file started
    started="$(systemctl show --timestamp=unix --property=ActiveEnterTimestamp --value funding.service)"
    for file in "$settings" "$secrets" "$signals"; do
        if [ -e "$file" ] && [ "$(stat -L -c %Y "$file")" -gt "${started#@}" ]; then
            echo "$file was changed since the service was started"
            return 0
        fi
    done
    return 1
}

install_or_upgrade() {
    local release version kept changed=""
    version="$(sed -n 's/^__version__ = "\(.*\)"/\1/p' "$source/funding/__init__.py")"
    release="$base/releases/$version-$(archive | sha256sum | cut -c 1-12)"
    make_user_and_folders
    build "$release"
    write_unit "$([ -e "$release" ] && echo "$release" || echo "$source")"
    run systemctl enable --quiet funding.service
    if [ -z "$changed" ] && [ "$(readlink -f "$base/current")" = "$release" ] &&
        [ ! -e "$journal" ] && systemctl is-active --quiet funding.service &&
        ! settings_are_newer; then
        echo "$release runs already"
        serves 0 || fail "it does not serve: journalctl -u funding; tail $base/var/log/*.log"
    else
        switch "$release"
    fi
    for kept in "$base"/releases/*; do
        case "$kept" in
            "$(readlink -f "$base/current")" | "$(readlink -f "$base/previous")" | "$release") ;;
            *) if [ -e "$kept" ]; then run rm -rf "$kept"; fi ;;
        esac
    done
}

uninstall() {
    run systemctl disable --now funding.service || true
    run rm -rf "$unit" "$base/current" "$base/previous" "$base/releases" \
        "$journal"
    run systemctl daemon-reload
    if [ -z "$purge" ]; then
        echo "left as they are: $base/var, $settings, the user $user (--purge removes them)"
        return
    fi
    run rm -rf "$base/var" "$settings" "$secrets" "$signals"
    if [ -d "$base" ]; then run rmdir --ignore-fail-on-non-empty "$base"; fi
    if id "$user" >/dev/null 2>&1; then run userdel "$user"; fi
}

main() {
    read_arguments "$@"
    cd /  # this folder may be one that goes
    if [ "$action" = uninstall ]; then uninstall; else install_or_upgrade; fi
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then main "$@"; fi
