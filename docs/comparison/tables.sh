#!/bin/sh
# Writes the tables of the reports in a directory that run.sh has filled: tables.sh OUT
set -eu
cd "$(dirname "$0")/../.."
table() {
    dir=$1
    shift
    files=
    for row in "$@"; do
        [ ! -e "$dir/$row.json" ] || files="$files $dir/$row.json"
    done
    [ -z "$files" ] || go run ./docs/comparison/table $files
}
table "$1" drain nethttp nginx haproxy haproxy-idle-close caddy
table "$1" node-bare server-shutdown http-terminator stoppable terminus
