#!/usr/bin/env bash
# All tests, from a fresh clone: installs Pellucid with its development and training tools into .venv and runs pytest.
# Arguments go to pytest: bash tests/run.sh -m "not slow" tests/test_align.py
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

echo "Tests. This will install Pellucid into .venv at the versions in constraints.txt, and run pytest."
python=$(bash tools/venv.sh)
"$python" -m pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt -e '.[dev,grasp,ros,synth,train]'
# Blender has a Python of its own, made on first use; without one the tests that render are skipped, and say so.
bash tools/blender.sh "$python" || [ "${PELLUCID_REQUIRE_BLENDER-0}" != 1 ]
# The report is looked at in a browser: "auto" installs one where that can be done, 1 demands it, and 0 takes what is there.
if [ "${PELLUCID_REQUIRE_BROWSER-0}" != 0 ]; then
    if browser=$(bash tools/browser.sh "$python"); then
        echo "the report is tested with $browser"
        export PELLUCID_CHROMIUM="$browser" PELLUCID_REQUIRE_BROWSER=1
    elif [ "$PELLUCID_REQUIRE_BROWSER" = 1 ]; then
        exit 1
    fi
fi
exec "$python" -m pytest ${@+"$@"}
