# Sourced by scripts/run and scripts/test: makes .venv and installs into it, when needed.

fail() {
    echo "$0: $1" >&2
    exit 1
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
            fail "python -m venv failed (Debian: apt install python3-venv)"
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
