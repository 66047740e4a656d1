#!/usr/bin/env bash
# From a fresh clone to a robot hand that grasps: ten trials in simulation with the model that ships, a table and a film.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
out=out/grasp

echo "Ten grasps in simulation. This will"
echo "  1. install Pellucid and what it needs into .venv, at the versions in constraints.txt;"
echo "  2. path-trace ten pictures of glass, metal and other things on a table. That takes Blender: one that is there,"
echo "     else its Python module in ~/.cache/pellucid, a download of about 350 MB that needs a Python 3.11;"
echo "  3. in each scene grasp one thing by the true depth, by that of a simulated depth camera, by nano's, and by the"
echo "     camera's completed with nano, and film the last, into $out."

python=$(bash tools/venv.sh)
# --no-compile: Python compiles the few modules that are used when they are used.
"$python" -m pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt '.[grasp]'
"$(dirname "$python")/pellucid" grasp --estimator nano --cells mixed-on-diffuse --trials 10 --video --out "$out" "$@"

echo
awk '/^\| method/ {table = 1} table && /^$/ {exit} table' "$out/report.md"
echo
echo "Done. The results are in $out:"
echo "  film.mp4      colour, the sensor's depth, the depth planned on, and the grasp executed, of all ten trials"
echo "  report.md     the table above and what it means; ten trials tell little, --trials 100 goes on from here"
echo "  trials.jsonl  what came of each trial"
echo "More: docs/grasp.md"
