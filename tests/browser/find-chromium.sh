#!/bin/sh
# Prints the path of a Chromium or Chrome on this machine; fails when there is none.
# `CHROMIUM` names one outright.
set -eu

for candidate in "${CHROMIUM:-}" chromium chromium-browser google-chrome google-chrome-stable \
    chromium-headless-shell \
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome' \
    '/Applications/Chromium.app/Contents/MacOS/Chromium'; do
    # The one of this name may be a notice to install another package, so it is run.
    if [ -n "$candidate" ] && "$candidate" --version >/dev/null 2>&1 </dev/null; then
        command -v "$candidate"
        exit
    fi
done
exit 1
