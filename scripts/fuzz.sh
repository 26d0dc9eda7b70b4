#!/bin/sh
# Fuzzes every target there is, one after another:
#   scripts/fuzz.sh [time for each, default 20s]
# What is found is written to the package's testdata/fuzz and fails the run; what is
# merely interesting stays in Go's build cache.
set -eu
cd "$(dirname "$0")/.."
time="${1:-20s}"
out="$(mktemp)"
trap 'rm -f "$out"' EXIT
go test -list '^Fuzz' ./... >"$out"
targets="$(awk '$1 ~ /^Fuzz/ { t[n++] = $1 } $1 == "ok" { for (i = 0; i < n; i++) print $2, t[i]; n = 0 }' "$out")"
[ -n "$targets" ] || { echo "no fuzz target was found" >&2; exit 1; }
# Up to Go 1.26 the fuzzer, when its time is over, now and then takes its own
# deadline for a failure of the target (go.dev/issue/75804). It is told by its bare
# line: whatever a target fails on comes with a file and a line, or with an input,
# which may have been in the midst of being made smaller.
ended_at_the_deadline() {
	grep -q '^    context deadline exceeded$' "$out" &&
		! grep -Eiq 'failing input|minimizing|seed corpus|_test\.go:|panic|fuzzing process' "$out"
}
found=0 count=0
while read -r package target; do
	count=$((count + 1))
	if go test "$package" -run '^$' -fuzz "^$target\$" -fuzztime "$time" >"$out" 2>&1 || ended_at_the_deadline; then
		echo "ok      $target in $package: $(grep -o 'execs: [0-9]*' "$out" | tail -1)"
		continue
	fi
	found=1
	cat "$out" >&2
	input="$(sed -n "s|.*Failing input written to .*/\($target/.*\)|\1|p" "$out" | tail -1)"
	echo "FAILED  $target: go test $package -run '^${input:-$target}\$'" >&2
done <<END
$targets
END
echo "$count targets, $time each"
exit $found
