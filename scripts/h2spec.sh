#!/bin/sh
# The HTTP/2 conformance suite against a bare http.Server and against the same one
# managed by Drain, over TLS and without: the results must be the same.
set -eu
cd "$(dirname "$0")/.."
version=v2.2.1+incompatible
bin="$(go env GOPATH)/bin/h2spec"
[ -x "$bin" ] || go install "github.com/summerwind/h2spec/cmd/h2spec@$version"
H2SPEC="$bin" exec go run ./scripts/h2spec
