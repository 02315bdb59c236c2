#!/bin/sh
# usage: tools/run_tests.sh PYTHON [PYTEST ARGUMENT...]
# All tests: two at a time those that only compute, then those that wait, then alone those that measure time
# (tests/conftest.py says which). With arguments: what pytest makes of them, one test at a time.
set -u
cd "$(dirname "$0")/.."
python=$1
shift
[ $# -eq 0 ] || exec "$python" -m pytest "$@"

failed=
run() { # WHAT PYTEST_ARGUMENT...
    what=$1
    shift
    "$python" -m pytest --durations=5 "$@" || failed="$failed $what"
}
run computing -n 2 --dist loadfile -m "not alone and not waiting"
run waiting -n 2 --dist loadfile -m waiting
run alone -m alone
[ -z "$failed" ] || echo "Failed: some tests of those that are:$failed" >&2
[ -z "$failed" ]
