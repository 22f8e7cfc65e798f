#!/usr/bin/env bash
# Runs the tests that are built: first side by side, then the suites whose names end in SerialTests, one after another:
# they measure time, or this process's memory. What failed is told once more at the end.
set -uo pipefail
log=.build/test.log
: > "$log"
# The goldens were computed with AVX2 kernels and with those products and functions that all processors have in common.
# Elsewhere diffusers itself differs from them: an exponential that another kernel rounds otherwise moves the angles of a
# timestep by 1e-4. So every processor computes here as that one did.
export ATEN_CPU_CAPABILITY=avx2 MKL_CBWR=COMPATIBLE
run() { swift test "$@" --skip-build --disable-xctest 2>&1 | tee -a "$log"; }
run "$@" --skip SerialTests
status=$?
run "$@" --filter SerialTests --no-parallel || status=$?
if [ "$status" -ne 0 ]; then
    echo "What failed ($log has all of it):"
    grep -A 4 -e ' recorded an issue ' -e 'error: ' "$log" | tail -n 100
fi
exit "$status"
