#!/bin/sh
# usage: tools/run_tests.sh PYTHON [PYTEST ARGUMENT...]
# All tests, in groups that tests/conftest.py tells apart. In the background those that compute, at the lowest priority,
# in the time that all others leave, and the soak. In front of them those that wait, two at a time; then, one at a time,
# those that measure time. At the end, beside nothing, those that need all cores.
# With arguments: what pytest makes of them, one test at a time.
set -u
cd "$(dirname "$0")/.."
python=$1
shift
[ $# -eq 0 ] || exec "$python" -m pytest "$@"

# Where it is set, each of the processes below would rewrite the assertions of all tests again: 5 s of computing.
unset PYTHONDONTWRITEBYTECODE

limit=300 # seconds of a test
[ "${HIL_FULL:-0}" = 0 ] || limit=1500

logs=build/tests
mkdir -p $logs
failed=
background=
trap '[ -z "$background" ] || kill $background 2>/dev/null' EXIT
trap 'exit 130' INT TERM

run() { # WHAT PYTEST_ARGUMENT...
    what=$1
    shift
    echo "== tests: $what"
    "$python" -m pytest --timeout=$limit --durations=5 "$@" || failed="$failed $what"
}
begin() { # WHAT COMMAND PYTEST_ARGUMENT...: what it says goes into a file; COMMAND sets its priority
    what=$1 priority=$2
    shift 2
    $priority "$python" -m pytest --timeout=$limit --durations=5 "$@" >$logs/"$what".log 2>&1 </dev/null &
    eval "${what}_process=$!"
    background="$background $!"
}
end() { # WHAT: waits for it and shows what it said
    eval "process=\$${1}_process"
    wait "$process" || failed="$failed $1"
    background=$(echo " $background " | sed "s/ $process / /")
    echo "== tests: $1"
    cat "$logs/$1.log"
}

begin soak "" -m soak
begin computing "nice -n 19" -n 2 --dist loadfile --no-loadscope-reorder -m computing
run waiting -n 2 --dist loadfile --no-loadscope-reorder -m waiting
run alone -m alone
end computing
end soak
run all_cores -m all_cores
[ -z "$failed" ] || echo "Failed: some tests of those that are:$failed" >&2
[ -z "$failed" ]
