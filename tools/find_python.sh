#!/bin/sh
# Prints the Python to build with: $1 if given, else the first python3 in PATH that is 3.11 or newer and can compile
# extension modules. One line of advice and exit code 2 if there is none.
set -u

fail() {
    echo "hil: $1" >&2
    exit 2
}

is_new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

has_headers() {
    "$1" -c 'import os, sys, sysconfig
sys.exit(not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))' 2>/dev/null
}

has_venv() {
    "$1" -c 'import ensurepip, venv' 2>/dev/null
}

if [ -n "${1:-}" ]; then
    candidates=$1
else
    candidates="python3 python3.11 python3.12 python3.13 python3.14 /usr/bin/python3"
fi

newest=
for python in $candidates; do
    command -v "$python" >/dev/null 2>&1 && is_new_enough "$python" || continue
    newest=$python
    if has_headers "$python" && has_venv "$python"; then
        "$python" -c 'import sys; print(sys.executable)'
        exit 0
    fi
done

[ -n "$newest" ] || fail "no Python >= 3.11 found (tried: $candidates). Install one, or name it: make PYTHON=/path/to/python3.11"
has_headers "$newest" || fail "$newest has no headers (Python.h). Install them: apt-get install python3-dev"
fail "$newest cannot make virtual environments. Install the module: apt-get install python3-venv"
