#!/usr/bin/env bash
# OpenAI's official Python client, pinned, against the server: in a virtual environment of its own.
set -euo pipefail
cd "$(dirname "$0")/../.."
environment=.venv-conformance
if ! cmp -s Tools/conformance/requirements.txt "$environment/installed"; then
    python3 -m venv "$environment"
    "$environment/bin/pip" install --quiet --disable-pip-version-check -r Tools/conformance/requirements.txt
    cp Tools/conformance/requirements.txt "$environment/installed"
fi
exec "$environment/bin/python" Tools/conformance/conformance.py "$@"
