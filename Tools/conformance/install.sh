#!/usr/bin/env bash
# OpenAI's official Python client, pinned, in a virtual environment of its own; fails where PyPI cannot be reached.
set -euo pipefail
cd "$(dirname "$0")/../.."
environment=.venv-conformance
if ! cmp -s Tools/conformance/requirements.txt "$environment/installed"; then
    python3 -m venv "$environment"
    "$environment/bin/pip" install --quiet --disable-pip-version-check -r Tools/conformance/requirements.txt
    cp Tools/conformance/requirements.txt "$environment/installed"
fi
