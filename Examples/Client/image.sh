#!/bin/sh
# An image from a running server, with curl alone. First start the server: visualgen serve demo-image
#
#     image.sh PROMPT [OUTPUT [ADDRESS]]
#
# With a server that has keys, put yours into VISUALGEN_API_KEY.
set -eu
prompt=${1:?"a prompt is needed: image.sh PROMPT [OUTPUT [ADDRESS]]"}
output=${2:-served.png}
address=${3:-http://localhost:8000}

ask() {
    curl --silent --show-error --fail-with-body --header "Authorization: Bearer ${VISUALGEN_API_KEY:-none}" "$@"
}

# In JSON a quotation mark and a backslash need a backslash before them; a prompt is one line.
quoted=$(printf '%s' "$prompt" | tr '\n\t' '  ' | sed 's/[\\"]/\\&/g')
body="{\"prompt\": \"$quoted\", \"seed\": 1, \"output_format\": \"png\"}"
answer=$(ask --header 'Content-Type: application/json' --data-binary "$body" "$address/v1/images/generations") || {
    echo "$answer" >&2
    exit 1
}

# The answer names where the image is.
url=$(printf '%s' "$answer" | sed 's/.*"url":"\([^"]*\)".*/\1/')
ask --output "$output" "$url"
echo "saved $output"
