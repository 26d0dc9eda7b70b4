#!/bin/sh
# Faults of our own making: removes, one at a time, the lines that everything rests
# on, in a copy of the repository, and requires that a test fails each time.
#
#   scripts/mutants.sh [name of one]
set -eu
cd "$(dirname "$0")/.."
copy="$(mktemp -d)"
trap 'rm -rf "$copy"' EXIT
tar -c --exclude=.git --exclude=node_modules . | tar -x -C "$copy"
cd "$copy"
only="${1:-}"
survived=0

# mutant NAME FILE PERL-SUBSTITUTION PACKAGE TEST
mutant() {
	[ -z "$only" ] || [ "$only" = "$1" ] || return 0
	cp "$2" "$copy/.original"
	perl -0pi -e "$3" "$2"
	if cmp -s "$2" "$copy/.original"; then
		echo "STALE     $1: the line is not there any more"
		survived=1
		return 0
	fi
	if ! go vet "$4" >"$copy/.vet" 2>&1; then
		echo "STALE     $1: it does not compile"
		cat "$copy/.vet"
		survived=1
	elif go test -count=1 -timeout 120s -run "$5" "$4" >"$copy/.out" 2>&1; then
		echo "SURVIVED  $1"
		survived=1
	else
		by="$(grep -oE -- '--- FAIL: [A-Za-z0-9_]+' "$copy/.out" | head -1 | cut -d' ' -f3)"
		echo "killed    $1, by ${by:-the time limit, or a panic}"
	fi
	cp "$copy/.original" "$2"
}

mutant "the last look" conns/leave.go \
	's/if n, again := c\.lastLook\(p\); n > 0 \|\| again/if n, again := 0, false; n > 0 || again/' \
	./conns 'OrderOfEvents'
mutant "the socket filter" servers/listener.go \
	's/l\.ours && refuseNew\(l\.Listener\)/l.ours \&\& refuseNew == nil/' \
	. 'P2_AcceptQueue'
mutant "accept until quiet" servers/listener.go \
	's/if over \|\| !l\.rearm\(\) \{/if true {/' \
	. 'P2_AcceptQueue|P2_MaxConns'
mutant "the farewell" conns/leave.go \
	's/\t\tsay\(c\.net\)\n//' \
	. 'P1_IdleConnection'
mutant "nothing reaches the handler after the goodbye" conns/serve.go \
	's/case leaving:\n\t\treturn 0, c\.kind\(\)\.goneError\(\)\n/case leaving:\n/' \
	./conns 'OrderOfEvents'
mutant "no byte follows the goodbye" conns/serve.go \
	's/case leaving:\n\t\treturn 0, net\.ErrClosed[^\n]*\n/case leaving:\n\t\t_ = net.ErrClosed\n/' \
	./conns 'OrderOfEvents'
mutant "a request in the buffer is no idleness" conns/state.go \
	's/t\[fresh\]\[leave\], t\[reading\]\[leave\]/t[rested][leave], t[fresh][leave], t[reading][leave]/; s/= leaving, leaving, leaving, leaving\n/= leaving, leaving, leaving, leaving, leaving\n/' \
	./conns 'TestTransitions'
mutant "the deadline is applied again" conns/deadline.go \
	's/err != nil \|\| d == c\.effectiveReadDeadline\(\)/true/' \
	./conns 'DeadlinesOfTwo'
mutant "a WebSocket is between two messages" conns/websocket_write.go \
	's/if !k\.out\.between\(\)/if false/' \
	./conns 'TheGoodbyeStands'
mutant "Connection: close only if nothing is pipelined" conns/http1.go \
	's/return room >= 0 && c\.unread\(\) <= room/_ = room; return true/' \
	. 'P1_Pipelined'
mutant "what the TLS layer may hold is no silence" conns/records.go \
	's/if c\.below\.full\.Load\(\) \{/if false {/' \
	./servers 'NothingIsAnnounced'
mutant "linger" conns/leave.go \
	's/if !c\.linger\(c\.group\.CloseTimeout\) \{/if false {/' \
	. 'P1_|P4_'
mutant "a connection says goodbye before it is stopped" actors/connection.go \
	's/c\.tracker\.tell\(messages\.Closed\{[^\n]*\n/_ = msg; c.tracker.system.Root.Stop(c.self)\n/' \
	./actors 'TestConnectionsAreCounted'
mutant "the server stops what has said goodbye" actors/server_adopt.go \
	's/\ts\.stopping\[msg\.Connection\] = struct\{\}\{\}\n\tctx\.Stop\(msg\.Connection\)\n//' \
	. 'P8_NothingLeaks'
mutant "whoever comes as the server goes is turned away" actors/connection.go \
	's/if c\.conn\.Claim\(\) \{/if false {/' \
	./actors 'WhoseServerGoes'
mutant "nobody is done while the listener is open" actors/server_drain.go \
	's/\n\t\ts\.closes \|\| s\.unbinds \|\| s\.accepts \|\| s\.live/\n\t\ts.live/' \
	./actors 'NobodyIsDone'
mutant "the limit is lifted" actors/server_drain.go \
	's/\tclose\(s\.tracker\.lifted\)\n//' \
	. 'P2_MaxConns'
mutant "a server holds its deadline itself" actors/server_drain.go \
	's/\tdue\(s\.allotted-killMargin[^\n]*\n//' \
	./actors 'DrainsAlone'
mutant "a kill that crosses the goodbye" actors/server_kill.go \
	's/if s\.forced \|\| s\.phase == messages\.PhaseDone \{/if s.forced {/' \
	./actors 'KillThatCrosses'
mutant "the fate of what is killed" conns/leave.go \
	's/\tif c\.has\(killed\) \{[^\n]*\n\t\toutcome, lost = c\.sentenced\(\)\n\t\}\n//; s/if !c\.has\(killed\) \{[^\n]*\n(\t\tc\.finish\(outcome, lost\)\n)\t\}/if true {\n$1\t}/' \
	. 'TestAResponseCut'
mutant "handlers hear that the client is gone" conns/serve.go \
	's/\tc\.raise\(peerless\)\n(.*\n){3}//' \
	./servers 'ContextsEndWhenTheClientIsGone'
mutant "handlers hear of the deadline" actors/server_drain.go \
	's/\tdue\(s\.allotted-cancelMargin[^\n]*\n//' \
	. 'P5_|P7_'
mutant "the first GOAWAY" conns/h2leave.go \
	's/\th\.send\(&h2Control\{frame: frame, announcement: true\}\)\n/\t_ = frame\n/' \
	./servers 'H2'
mutant "accept errors pass" servers/listener.go \
	's/if err != nil && hasPassed\(err\)/if false/' \
	./reliability 'AcceptErrors'
mutant "handshakes that have begun" servers/listener.go \
	's/\(l\.awaited\(\) \|\| queued\(l\.Listener\)\)/queued(l.Listener)/' \
	./servers 'AHandshakeInProgress'
mutant "nobody leaves between a header and its handler" conns/serve.go \
	's/\t\t\tgot = gotHeader\n/\t\t\t_ = gotHeader\n/' \
	./conns 'BetweenAHeader'
mutant "no grace in the second half" conns/deadline.go \
	's/return min\(c\.active\(\)\+grace, max\(c\.hurry\(\), c\.active\(\)\)\)/return c.active() + grace/' \
	./servers 'BusyTCP'
mutant "what is no answer to a GET ends by itself" servers/stream.go \
	's/ \|\| r\.Method != http\.MethodGet//' \
	./servers 'StreamThatEndsByItself'
mutant "what is suspended says its own goodbye" actors/server_drain.go \
	's/\t\ts\.closeAll\(\)\n\t\ts\.drainAdapter\(\)\n/\t\ts.closeAll()\n/' \
	./actors 'ASuspendedServer'
mutant "who gives up at the deadline is answered for" servers/response.go \
	's/\t\tgiveUp\(rw, r, rw\.announced, c\.AnswerSent\(\)\)\n/\t\t_ = giveUp\n/' \
	./servers 'NobodyMistakes'
mutant "new connections are dealt to the other process" servers/listener.go \
	's/l\.steered\.Store\(steer\(l\.Listener, l\.elders\)\)/_ = steer/' \
	./servers 'AHandover'
mutant "a goodbye that is not taken cuts nothing" conns/websocket_leave.go \
	's/return left > e\.after-e\.before/return left > 0/' \
	. 'P3_APeerThatHasVanished'

mutant "what is open at the goodbye is closed" actors/server_drain.go \
	's/s\.release\(s\.binding \|\| s\.open\)/s.release(false)/' \
	./actors 'InAnyStory'
mutant "release waits for the goodbye" actors/server_drain.go \
	's/\t\twait\(said\)\n/\t\t_ = said\n/' \
	./actors 'InAnyStory|ReleaseComes'
mutant "a network that is gone for a while" conns/leave.go \
	's/case !c\.fetches\(\):/case true:/' \
	. 'P1_AFarewellOutlasts'
mutant "a broadcast is no answer" conns/websocket_leave.go \
	's/ \|\| w&returns != 0//' \
	./conns 'AnAnswerIsAwaited'

exit $survived
