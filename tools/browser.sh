#!/usr/bin/env bash
# Makes sure that there is a browser for tests of the report: browser.sh PYTHON, one that has playwright. Prints its path.
# Takes what PELLUCID_CHROMIUM names or the PATH holds. Root of a Debian gets Debian's Chromium installed, others
# playwright's. What does not run is not taken; without a browser the last line on stderr begins with "no browser".
set -uo pipefail

runs() { # a name on the PATH may be a stub that asks for a snap
    [ -n "$1" ] && command -v "$1" >/dev/null && "$1" --version >/dev/null 2>&1
}

find_browser() {
    local name
    for name in ${PELLUCID_CHROMIUM:-chromium chromium-browser google-chrome google-chrome-stable chrome}; do
        if runs "$name"; then
            command -v "$name"
            return
        fi
    done
    return 1
}

find_browser && exit 0
if [ -n "${PELLUCID_CHROMIUM-}" ]; then
    echo "no browser: PELLUCID_CHROMIUM=$PELLUCID_CHROMIUM does not run" >&2
    exit 1
fi
if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    echo "installing Debian's Chromium for the tests of the report" >&2
    { timeout 300 apt-get update -qq && DEBIAN_FRONTEND=noninteractive timeout 300 apt-get install -y -qq chromium; } \
        >/dev/null 2>&1
    find_browser && exit 0
    echo "apt-get gave no Chromium that runs" >&2
fi
echo "installing playwright's Chromium for the tests of the report" >&2
said=$("$1" -m playwright install chromium 2>&1) || echo "$said" | tail -n 3 >&2
path=$("$1" -c '
from playwright.sync_api import sync_playwright
with sync_playwright() as playwright:
    print(playwright.chromium.executable_path)' 2>/dev/null)
if runs "$path"; then
    echo "$path"
    exit 0
fi
echo "no browser: none on the PATH, and none could be installed; the report is NOT tested in one" >&2
exit 1
