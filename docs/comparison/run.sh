#!/bin/sh
# Runs draincheck against every server of the comparison, and writes the tables.
#
#   docs/comparison/run.sh OUT [ROW...]
#
# OUT is a directory for the reports (and whatever the servers write); rows are: drain nethttp nginx haproxy
# haproxy-idle-close caddy node-bare server-shutdown http-terminator stoppable terminus. Needed: Go, openssl, nginx, haproxy,
# caddy, node; "npm ci" must have been run in docs/comparison/node. Further flags for draincheck: $FLAGS.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
mkdir -p "$1"
out=$(cd "$1" && pwd)
shift
rows=${*:-drain nethttp nginx haproxy haproxy-idle-close caddy node-bare server-shutdown http-terminator stoppable terminus}

http=127.0.0.1:28080
https=127.0.0.1:28443
backend=127.0.0.1:28090
flags="-trials 3 -timeout 8s ${FLAGS:-}"

cd "$root"
go build -o "$out/draincheck" ./cmd/draincheck
go build -o "$out/nethttp" ./docs/comparison/nethttp
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1,DNS:localhost \
    -keyout "$out/key.pem" -out "$out/cert.pem" 2>/dev/null
cat "$out/cert.pem" "$out/key.pem" >"$out/both.pem"

# The backend behind the proxies stands still while they are stopped.
"$out/nethttp" -http $backend &
backend_pid=$!
trap 'kill $backend_pid' EXIT

config() { # template, IDLE
    sed -e "s|@DIR@|$out|g; s|@HTTP@|$http|g; s|@HTTPS@|$https|g; s|@BACKEND@|$backend|g; s|@IDLE@|${2:-}|g" "$1" \
        >"$out/$(basename "$1")"
}

check() { # row, flags..., --, command...
    row=$1
    shift
    echo "== $row: draincheck $flags $*"
    "$out/draincheck" -base http://$http $flags -json="$out/$row.json" -html "$out/$row.html" "$@" || true
}

both="-tls-base https://$https"
proxy="$both -count-url http://$backend/count"
node() { # row, script
    check "$1" -tls-url https://$https/echo -- \
        node "$here/node/$2.js" -http $http -https $https -key "$out/key.pem" -cert "$out/cert.pem"
}

for row in $rows; do
    case $row in
    drain)
        go build -o "$out/demo" ./cmd/demo
        check drain $both -- "$out/demo" -http $http -https $https
        ;;
    nethttp) check nethttp $both -- "$out/nethttp" -http $http -https $https ;;
    nginx)
        config "$here/nginx/nginx.conf"
        check nginx $proxy -signal QUIT -- nginx -e "$out/nginx.log" -c "$out/nginx.conf"
        ;;
    haproxy)
        config "$here/haproxy/haproxy.cfg"
        check haproxy $proxy -signal USR1 -- haproxy -f "$out/haproxy.cfg"
        ;;
    haproxy-idle-close)
        config "$here/haproxy/haproxy.cfg" "option idle-close-on-response"
        check haproxy-idle-close $proxy -signal USR1 -- haproxy -f "$out/haproxy.cfg"
        ;;
    caddy)
        config "$here/caddy/Caddyfile"
        check caddy $proxy -- env XDG_DATA_HOME="$out" XDG_CONFIG_HOME="$out" \
            caddy run --adapter caddyfile --config "$out/Caddyfile"
        ;;
    node-bare) node node-bare bare ;;
    *) node "$row" "$row" ;;
    esac
done

"$root/docs/comparison/tables.sh" "$out" >"$out/tables.md"
cat "$out/tables.md"
