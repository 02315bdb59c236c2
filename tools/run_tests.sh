#!/bin/sh
# usage: tools/run_tests.sh PYTHON [PYTEST ARGUMENT...]
# All tests: two at a time where they only compute, then alone those that measure time or wait in it (tests/conftest.py
# says which). With arguments: what pytest makes of them, one test at a time.
set -u
cd "$(dirname "$0")/.."
python=$1
shift
[ $# -eq 0 ] || exec "$python" -m pytest "$@"

failed=
"$python" -m pytest -n 2 --dist loadfile -m "not alone" || failed="$failed those that run beside each other"
"$python" -m pytest -m alone || failed="$failed${failed:+, and} those that run alone"
[ -z "$failed" ] || echo "Failed: some tests of$failed" >&2
[ -z "$failed" ]
