#!/bin/sh
# Installs what the tests in compat/ need besides Go: Node's ws and chromium.
set -eu
cd "$(dirname "$0")/../compat/node"
if [ ! -d node_modules/ws ]; then
	npm install --silent --no-save --no-package-lock --no-audit --no-fund ws@8.23.0
fi
if ! command -v chromium >/dev/null; then
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium
fi
