#!/bin/sh
# The tests of the admin page in a real browser, of the metrics with promtool, and
# of what the admin costs while nobody looks. With SCREENSHOTS=directory the
# scenes are kept as pictures: docs/img is made by SCREENSHOTS=$PWD/docs/img.
set -eu
cd "$(dirname "$0")/.."
scripts/admin-tools.sh
cd admin/browsertest
exec go test -race -count=1 "$@" ./...
