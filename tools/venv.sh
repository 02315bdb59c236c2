#!/bin/sh
# usage: tools/venv.sh VENV EXTRAS [PYTHON]
# Makes the virtual environment if it is missing and installs this package into it, editable, with the named extras.
set -eu
cd "$(dirname "$0")/.."
venv=$1 extras=$2

command -v "${CC:-gcc}" >/dev/null || { echo "hil: no C compiler. Install one: apt-get install gcc libc6-dev" >&2; exit 2; }

if ! "$venv/bin/python" -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    python=$(tools/find_python.sh "${3:-}")
    echo "Making $venv with $python"
    "$python" -m venv "$venv"
fi

pip() {
    "$venv/bin/python" -m pip --disable-pip-version-check --quiet "$@"
}

echo "Installing hil[$extras] into $venv (the first time this downloads its dependencies)"
# The build requirements stay installed, so that a changed C file is rebuilt in place without an isolated build.
pip install $("$venv/bin/python" -c '
import tomllib
print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"])')
pip install --no-build-isolation --editable ".[$extras]"
