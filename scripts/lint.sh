#!/bin/sh
# The linters, pinned, and builds for the systems that nobody here runs.
set -eu
cd "$(dirname "$0")/.."
gofumpt=mvdan.cc/gofumpt@v0.12.0
staticcheck=honnef.co/go/tools/cmd/staticcheck@v0.8.2
govulncheck=golang.org/x/vuln/cmd/govulncheck@v1.8.0
unformatted=$(git ls-files '*.go' | xargs go run $gofumpt -l)
if [ -n "$unformatted" ]; then
	echo "gofumpt would change:" >&2
	echo "$unformatted" >&2
	exit 1
fi
go mod tidy -diff
for dir in . compat admin/browsertest; do
	(cd $dir && go vet ./... && go run $staticcheck ./...)
done
for os in darwin windows; do
	echo "vet for $os"
	GOOS=$os go vet ./...
done
# The vulnerability database is asked over the network; where it cannot be
# reached, that is said, and is no verdict.
if ! findings=$(go run $govulncheck ./... 2>&1); then
	case "$findings" in
	*"fetching vulnerabilities:"*) echo "govulncheck did NOT run: its database cannot be reached from here" ;;
	*) echo "$findings" >&2; exit 1 ;;
	esac
fi
