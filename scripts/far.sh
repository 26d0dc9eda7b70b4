#!/bin/sh
# draincheck over a network that takes time: the demo in one network namespace,
# draincheck in another, and between them reliability/far, which delays packets and
# loses some. Needs Linux, root and ip(8).
#
#   scripts/far.sh DELAY LOSS [flags of draincheck]
#   scripts/far.sh 25ms 0 -scenario newconn -conns 8 -trials 20
set -eu
delay="$1" loss="$2"
shift 2
cd "$(dirname "$0")/.."
bin="$(mktemp -d)"
go build -o "$bin" ./cmd/demo ./cmd/draincheck ./reliability/far
here="drain-here-$$" there="drain-there-$$" # namespaces
"$bin/far" -delay "$delay" -loss "$loss" drain0 drain1 >"$bin/far.out" &
far=$!
trap 'kill $far; ip netns del $here; ip netns del $there; rm -rf "$bin"' EXIT
until grep -q ready "$bin/far.out"; do
	kill -0 "$far"
	sleep 0.1
done
end() { # NAMESPACE DEVICE ADDRESS PEER
	ip netns add "$1"
	ip link set "$2" netns "$1"
	ip -n "$1" addr add "$3" peer "$4" dev "$2"
	ip -n "$1" link set "$2" up
	ip -n "$1" link set lo up
}
end "$there" drain0 10.99.0.1 10.99.0.2
end "$here" drain1 10.99.0.2 10.99.0.1
at=10.99.0.1
ip netns exec "$here" "$bin/draincheck" -i-own-this-host -base "http://$at:8080" -tls-base "https://$at:8443" "$@" -- \
	ip netns exec "$there" "$bin/demo" -http "$at:8080" -https "$at:8443" -admin ""
