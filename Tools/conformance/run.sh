#!/usr/bin/env bash
# OpenAI's official Python client, pinned, against the server, in a virtual environment of its own; and the page, if
# there is a Chromium to look at it.
set -euo pipefail
cd "$(dirname "$0")/../.."
environment=.venv-conformance
if ! cmp -s Tools/conformance/requirements.txt "$environment/installed"; then
    python3 -m venv "$environment"
    "$environment/bin/pip" install --quiet --disable-pip-version-check -r Tools/conformance/requirements.txt
    cp Tools/conformance/requirements.txt "$environment/installed"
fi
"$environment/bin/python" -W ignore Tools/conformance/conformance.py --video-model "$1"
if command -v chromium >/dev/null; then
    "$environment/bin/python" Tools/conformance/page.py --video-model "$1"
else
    echo "chromium is not installed: the page was not looked at"
fi
