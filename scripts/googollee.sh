#!/bin/sh
# Installs the npm packages that the tests in compat/googollee need.
set -eu
cd "$(dirname "$0")/../compat/googollee"
[ -d node_modules/socket.io-client ] || npm install --no-save --no-package-lock --no-audit --no-fund --silent
