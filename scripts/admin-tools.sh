#!/bin/sh
# What the tests of the admin page need: Chromium and promtool from Debian,
# axe-core from npm. Run it as root, or with sudo, where the packages are missing.
set -eu
cd "$(dirname "$0")/.."
missing=""
command -v chromium >/dev/null || missing="$missing chromium"
command -v promtool >/dev/null || missing="$missing prometheus"
if [ -n "$missing" ]; then
    apt-get update
    # The server that comes with promtool is not started.
    # shellcheck disable=SC2086
    RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing
fi
cd admin/browsertest
npm ci --no-fund --no-audit
