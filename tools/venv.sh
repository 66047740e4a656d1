#!/usr/bin/env bash
# Makes .venv at the root of the repository, if there is none, and prints the path of its Python.
# The Python is $PYTHON, else the first of python3, python3.13, python3.12, python3.11 and python that is 3.11 to 3.13.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usable() { # a name on the PATH may be a stub, so it is run
    "$1" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' >/dev/null 2>&1
}

find_python() {
    local name
    for name in ${PYTHON:-python3 python3.13 python3.12 python3.11 python}; do
        if usable "$name"; then
            echo "$name"
            return
        fi
    done
    echo "no usable Python among: ${PYTHON:-python3 python3.13 python3.12 python3.11 python}." >&2
    echo "Pellucid needs Python 3.11, 3.12 or 3.13 with the venv module. Install one, or name it: PYTHON=... bash $0" >&2
    return 1
}

venv_python() {
    local python
    for python in .venv/bin/python .venv/Scripts/python.exe; do
        if [ -x "$python" ]; then
            echo "$python"
            return
        fi
    done
    return 1
}

if ! venv_python >/dev/null; then
    python=$(find_python)
    echo "making .venv with $("$python" --version)" >&2
    "$python" -m venv .venv
fi
python=$(venv_python)
if ! usable "$python"; then
    echo ".venv is broken or made by another Python than 3.11 to 3.13; delete the folder .venv and try again" >&2
    exit 1
fi
echo "$python"
