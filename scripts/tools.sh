#!/bin/sh
# Installs what the tests need besides Go: Node.js, Chromium and Prometheus's
# promtool from Debian, client libraries from npm. What is there already stays.
set -eu
cd "$(dirname "$0")/.."
missing=""
command -v node >/dev/null || missing="$missing nodejs"
command -v npm >/dev/null || missing="$missing npm"
command -v chromium >/dev/null || missing="$missing chromium"
command -v promtool >/dev/null || missing="$missing prometheus"
command -v curl >/dev/null || missing="$missing curl"
if [ -n "$missing" ]; then
	apt-get update -qq
	# The server that comes with promtool is not started.
	# shellcheck disable=SC2086
	RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
fi
scripts/compat.sh
scripts/googollee.sh
scripts/admin-tools.sh
