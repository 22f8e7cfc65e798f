#!/usr/bin/env bash
# Everything that docs/performance.md compares, in a virtual environment of its own. Arguments go to suite.py.
set -euo pipefail
cd "$(dirname "$0")/.."
environment=.venv-benchmarks
if ! cmp -s Benchmarks/requirements.txt "$environment/installed"; then
    python3 -m venv "$environment"
    "$environment/bin/pip" install --quiet --disable-pip-version-check -r Benchmarks/requirements.txt
    cp Benchmarks/requirements.txt "$environment/installed"
fi
exec "$environment/bin/python" Benchmarks/suite.py "$@"
