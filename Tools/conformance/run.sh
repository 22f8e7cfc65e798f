#!/usr/bin/env bash
# OpenAI's official client against the server; and the page, if there is a Chromium to look at it.
set -euo pipefail
cd "$(dirname "$0")/../.."
Tools/conformance/install.sh
python=.venv-conformance/bin/python
"$python" -W ignore Tools/conformance/conformance.py --video-model "$1"
if command -v chromium >/dev/null; then
    "$python" Tools/conformance/page.py --video-model "$1"
else
    echo "chromium is not installed: the page was not looked at"
fi
