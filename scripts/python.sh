#!/bin/sh
# What the tests in Python need, pinned, in a virtual environment of the project's own: .tools/python.
set -eu
cd "$(dirname "$0")/.."

command -v python3 >/dev/null || {
  echo "python3 is missing: apt-get install python3 python3-venv, or https://python.org"
  exit 1
}
python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' || {
  echo "python3 is $(python3 --version): the tests need 3.10 or later"
  exit 1
}
python3 -c 'import ensurepip, venv' 2>/dev/null || {
  echo "python3-venv is missing: apt-get install python3-venv"
  exit 1
}
rm -rf .tools/python
python3 -m venv .tools/python
.tools/python/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r tests/requirements.txt
cp tests/requirements.txt .tools/python/installed.txt
