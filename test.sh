#!/bin/sh
# Everything that is tested, in its short form. The long forms stand in
# docs/reliability.md. It installs what it needs: see scripts/tools.sh.
set -eu
cd "$(dirname "$0")"
scripts/tools.sh
# One package after another: many of them measure time, and a machine may have
# two cores.
go test -race -count=1 -p 1 -timeout 10m ./...
scripts/fuzz.sh
scripts/h2spec.sh
scripts/nethttp.sh
(cd compat && go test -race -count=1 -timeout 10m ./...)
(cd admin/browsertest && go test -race -count=1 -timeout 10m ./...)
