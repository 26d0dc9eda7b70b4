#!/bin/sh
# net/http's own tests, those of the installed Go, with every server served by
# Drain: what passes without it has to pass with it. See scripts/nethttp.
set -eu
cd "$(dirname "$0")/.."
exec go run ./scripts/nethttp
