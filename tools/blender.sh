#!/usr/bin/env bash
# Makes sure that there is a Blender for tests: blender.sh PYTHON, one that has Pellucid. Says which, or why there is none.
# Root of a Debian gets the system libraries installed; others are told their names.
set -uo pipefail

find_blender() {
    "$1" -c '
import sys
from pellucid.clip import InputError
from pellucid.synth.environment import find_blender
try:
    print("renders are tested with", find_blender().description)
except InputError as error:
    sys.exit(f"no Blender: {error}")'
}

if found=$(find_blender "$1" 2>&1); then
    echo "$found"
    exit 0
fi
case $found in *"system libraries"*) ;; *)
    echo "$found" >&2
    exit 1
    ;;
esac
if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    libraries=$("$1" -c 'from pellucid.synth.environment import LIBRARIES; print(LIBRARIES)')
    echo "installing Blender's system libraries: $libraries"
    # shellcheck disable=SC2086 # a list of names
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $libraries >/dev/null
fi
find_blender "$1"
