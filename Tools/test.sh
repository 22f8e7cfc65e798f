#!/usr/bin/env bash
# Runs the tests that are built: first side by side, then the suites whose names end in SerialTests, one after another:
# they measure time, or this process's memory. What failed is told once more at the end.
set -uo pipefail
log=.build/test.log
# Threads that wait for each other sleep soon: the tests beside them need the processor.
export GOMP_SPINCOUNT="${GOMP_SPINCOUNT:-20000}"
: > "$log"
run() { swift test "$@" --skip-build --disable-xctest 2>&1 | tee -a "$log"; }
# Not all at once: a test's server holds a dozen files, and Foundation's Process reads beyond a buffer where 1360 are open.
run "$@" --skip SerialTests --experimental-maximum-parallelization-width 16
status=$?
run "$@" --filter SerialTests --no-parallel || status=$?
if [ "$status" -ne 0 ]; then
    echo "What failed ($log has all of it):"
    grep -A 4 -e ' recorded an issue ' -e 'error: ' "$log" | tail -n 100
fi
exit "$status"
