#!/usr/bin/env bash
# From a fresh clone to the depth of a video: installs Pellucid into .venv and runs the model that ships with it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
out=out/first_light

echo "First light. This will"
echo "  1. install Pellucid and what it needs into .venv, at the versions in constraints.txt (the only download);"
echo "  2. predict the disparity of examples/sample.mp4 with nano, the small model in the package, into $out."

python=$(bash tools/venv.sh)
# --no-compile: Python compiles the few modules that are used when they are used.
"$python" -m pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt .
"$(dirname "$python")/pellucid" predict examples/sample.mp4 --out "$out" --model nano

echo
echo "Done. The results are in $out/sample:"
echo "  preview.mp4      the video and its disparity side by side: blue is near, red is far"
echo "  prediction.npz   disparity, float32 [frames, height, width]: numpy.load(...)['disparity']"
echo "  prediction.json  what was run and what the numbers mean"
echo "Your own video: $(dirname "$python")/pellucid predict VIDEO --out out"
