#!/bin/sh
# Slow attacks by slowhttptest (Debian's) on the demo server, which is told to stop
# in their midst: it must exit by its bound. Headers that drip are given up after
# twice IdleGrace; bodies that drip are requests in progress, and have until the
# deadline. So have readers, unless their whole answer is with the kernel, which
# delivers it without us.
set -eu
cd "$(dirname "$0")/.."
command -v slowhttptest >/dev/null || { apt-get update -qq && apt-get install -y -qq slowhttptest >/dev/null; }
dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
go build -o "$dir/demo" ./cmd/demo
failed=0

# attack NAME BOUND-IN-MILLISECONDS EXIT-CODE-OR-any PATH OPTIONS...
attack() {
	name="$1" bound="$2" code="$3" path="$4"
	shift 4
	"$dir/demo" -http 127.0.0.1:18080 -https "" -admin "" -timeout 5s >"$dir/log" 2>&1 &
	demo=$!
	slowhttptest -c 500 -r 500 -i 1 -l 20 -u "http://127.0.0.1:18080$path" "$@" >"$dir/attack" 2>&1 &
	attacker=$!
	sleep 4 # the attack builds up
	before=$(date +%s%3N)
	kill -TERM "$demo"
	got=0
	wait "$demo" || got=$?
	took=$(($(date +%s%3N) - before))
	kill "$attacker" 2>/dev/null || true
	wait "$attacker" 2>/dev/null || true
	verdict=ok
	if [ "$took" -gt "$bound" ] || { [ "$code" != any ] && [ "$got" -ne "$code" ]; }; then
		verdict=FAILED failed=1
	fi
	echo "$verdict  $name: exit code $got after $took ms (bound $bound ms)"
	sed -n '/drained,/p; /finished/p' "$dir/log" | head -3
}

attack "slowloris headers" 4500 0 / -H
attack "slow bodies" 5500 1 /echo -B -s 100000
attack "slow readers" 5500 any /download -X -w 100 -y 200 -n 1 -z 5
exit $failed
