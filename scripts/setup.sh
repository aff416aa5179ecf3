# Sourced by scripts/run and scripts/test: makes .venv and installs into it, when needed.

fail() {
    echo "$0: $1" >&2
    exit 1
}

# check_folder HOME: refuse a folder in which the service, whose files are in HOME, cannot run, or
# not for this user.
check_folder() {
    local bad place here
    here=$(pwd -P)
    # supervisord reads "%" as a format, and quotes commands with "; a pattern matches no file of
    # its own name; a virtual environment takes no ":".
    for bad in % '"' '\' '*' '?' '[' ':' $'\n'; do
        if [[ "$here" == *"$bad"* ]]; then
            fail "the service cannot run in a folder with ${bad/$'\n'/a newline} in its path: $here"
        fi
    done
    if [ "$(printf %s "$here/$1/supervisor.sock" | wc -c)" -gt 98 ]; then
        fail "the path of this folder is too long for a unix socket: move the project up"
    fi
    for place in var/demo var/log var .venv; do
        if [ -e "$place" ] || [ -L "$place" ]; then usable "$place"; fi
    done
    if [ ! -e var ] || [ ! -e .venv ]; then usable .; fi
}

# usable PLACE: this user may change what is in the folder PLACE, or is told who may.
usable() {
    if [ "$1" = .venv ] && [ -x .venv/bin/python ]; then return; fi
    local owner
    owner=$({ ls -ldL "$1" 2>/dev/null || ls -ld "$1"; } | awk '{print $3}')
    if ! [ -d "$1" ] || ! [ -w "$1" ] || ! [ -x "$1" ]; then
        fail "user $(id -un) may not change $PWD/$1: it belongs to $owner; run this as $owner"
    fi
    if [ "$(id -u)" = 0 ] && [ "$owner" != root ] && [[ "$1" == var* || "$1" = . ]]; then
        fail "$PWD/$1 belongs to $owner, to whom files of root would be closed; run this as $owner"
    fi
}

# setup REQUIREMENTS: install that file's pinned packages, unless this .venv has them already.
setup() {
    local stamp python packages
    # A .venv that an interrupted start left without pip is made again.
    if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
        rm -rf .venv
        python=$(command -v python3 || command -v python) || fail "Python 3.11 or newer is needed"
        "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
            fail "Python 3.11 or newer is needed; $python is $("$python" -V 2>&1)"
        "$python" -m venv .venv || {
            rm -rf .venv
            fail "python -m venv failed (Debian: apt install python3-venv; is the disk full?)"
        }
    fi
    # Below site-packages, four folders up is this one: programs that begin as a command of .venv, as
    # supervisord does, find the project's modules, also after the folder was moved.
    for packages in .venv/lib/python3.*/site-packages; do
        [ -e "$packages/funding.pth" ] || echo ../../../.. >"$packages/funding.pth"
    done
    (umask 077 && mkdir -p var/log)
    stamp=".venv/installed-$(printf %s "$1" | tr / -)"
    if ! cmp -s "$1" "$stamp"; then
        echo "installing $1 …"
        .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes \
            -r "$1" || fail "the packages of $1 could not be installed"
        cp "$1" "$stamp"
    fi
}
