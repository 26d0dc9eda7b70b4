package socketio

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The cases of the two protocols' conformance suites, 24 of Engine.IO 4 and 32
// of Socket.IO 5, written anew. Those of Engine.IO that need no echo hold for
// Socket.IO as well.

type protocolCase struct {
	name string
	opts Options
	run  func(*peer)
}

var (
	quickPing  = Options{PingInterval: 30 * time.Millisecond, PingTimeout: patience}
	quickDeath = Options{PingInterval: 20 * time.Millisecond, PingTimeout: 20 * time.Millisecond}
	suiteOpts  = Options{PingInterval: 300 * time.Millisecond, PingTimeout: 200 * time.Millisecond}
)

// transportCases are those that both suites share.
var transportCases = []protocolCase{
	{"handshake/polling opens a session", suiteOpts, func(p *peer) {
		status, body, _ := p.do("GET", "transport=polling", "")
		require.Equal(p, http.StatusOK, status)
		data := p.parseOpen(body)
		require.Equal(p, openData{data.SID, []string{"websocket"}, 300, 200, 1_000_000}, data)
	}},
	{"handshake/polling refuses a wrong EIO", Options{}, func(p *peer) {
		for _, query := range []string{"EIO&transport=polling", "EIO=abc&transport=polling", "EIO=3&transport=polling"} {
			p.wantFailure("GET", query, `{"code":5,"message":"Unsupported protocol version"}`)
		}
	}},
	{"handshake/polling refuses a wrong transport", Options{}, func(p *peer) {
		for _, query := range []string{"", "transport=abc"} {
			p.wantFailure("GET", query, `{"code":0,"message":"Transport unknown"}`)
		}
	}},
	{"handshake/polling refuses a wrong method", Options{}, func(p *peer) {
		for _, method := range []string{"POST", "PUT"} {
			p.wantFailure(method, "transport=polling", `{"code":2,"message":"Bad handshake method"}`)
		}
	}},
	{"handshake/websocket opens a session", suiteOpts, func(p *peer) {
		data := p.parseOpen(p.dial("").hear())
		require.Equal(p, openData{data.SID, []string{}, 300, 200, 1_000_000}, data)
	}},
	{"handshake/websocket refuses a wrong EIO", Options{}, func(p *peer) {
		p.wantRefused("EIO&transport=websocket")
		p.wantRefused("EIO=abc&transport=websocket")
	}},
	{"handshake/websocket refuses a wrong transport", Options{}, func(p *peer) {
		p.wantRefused("EIO=4")
		p.wantRefused("EIO=4&transport=abc")
	}},
	{"heartbeat/polling pings and hears pongs", quickPing, func(p *peer) {
		sid := p.open()
		for range 3 {
			p.wantPoll(sid, "2")
			status, _ := p.post(sid, "3")
			require.Equal(p, http.StatusOK, status)
		}
	}},
	{"heartbeat/polling closes without a pong", quickDeath, func(p *peer) {
		sid := p.open()
		p.wantPoll(sid, "2")
		p.poll(sid) // until the session ends
		p.wantGone(sid)
	}},
	{"heartbeat/websocket pings and hears pongs", quickPing, func(p *peer) {
		k := p.dial("")
		k.hear()
		for range 3 {
			k.want("2").say("3")
		}
	}},
	{"heartbeat/websocket closes without a pong", quickDeath, func(p *peer) {
		p.dial("").wantClose()
	}},
	{"close/polling", Options{}, func(p *peer) {
		sid := p.open()
		got := p.background(sid)
		status, _ := p.post(sid, "1")
		require.Equal(p, http.StatusOK, status)
		require.Equal(p, "6", <-got)
		p.wantGone(sid)
	}},
	{"close/websocket", Options{}, func(p *peer) {
		k := p.dial("")
		k.hear()
		require.Equal(p, 1000, k.say("1").wantClose())
	}},
	{"upgrade/polling to websocket", Options{}, func(p *peer) {
		sid := p.open()
		k := p.dial(sid).say("2probe").want("3probe")
		p.wantPoll(sid, "6") // lets the client out of its poll
		k.say("5")
		p.until(sid, func(s *session) bool { return s.ws != nil })
	}},
	{"upgrade/later requests of the session are refused", Options{}, func(p *peer) {
		sid := p.upgraded()
		for _, method := range []string{"GET", "POST"} {
			p.wantFailure(method, polling(sid), `{"code":3,"message":"Bad request"}`)
		}
		p.until(sid, func(s *session) bool { return s.phase == serving })
	}},
	{"upgrade/a second websocket of the session is refused", Options{}, func(p *peer) {
		sid := p.upgraded()
		require.Equal(p, 1008, p.dial(sid).wantClose())
		p.until(sid, func(s *session) bool { return s.phase == serving })
	}},
}

// echoCases are those of the Engine.IO suite that want their messages back.
var echoCases = []protocolCase{
	{"message/polling one text packet", Options{}, echoed("4hello")},
	{"message/polling several text packets", Options{}, echoed("4test1\x1e4test2\x1e4test3")},
	{"message/polling text and binary packets", Options{}, echoed("4hello\x1ebAQIDBA==")},
	{"message/polling closes on an invalid packet", Options{}, func(p *peer) {
		sid := p.open()
		status, _ := p.post(sid, "abc")
		require.Equal(p, http.StatusBadRequest, status)
		p.wantGone(sid)
	}},
	{"message/polling closes on two polls at once", Options{}, func(p *peer) {
		sid := p.open()
		got := p.background(sid)
		status, _ := p.poll(sid)
		require.Equal(p, http.StatusBadRequest, status)
		require.Equal(p, "1", <-got)
		p.wantGone(sid)
	}},
	{"message/websocket text packet", Options{}, func(p *peer) {
		k := p.dial("")
		k.hear()
		k.say("4hello").want("4hello")
	}},
	{"message/websocket binary packet", Options{}, func(p *peer) {
		k := p.dial("")
		k.hear()
		k.sayBinary([]byte{1, 2, 3, 4})
		k.wantBinary([]byte{1, 2, 3, 4})
	}},
	{"message/websocket closes on an invalid packet", Options{}, func(p *peer) {
		k := p.dial("")
		k.hear()
		require.Equal(p, 1002, k.say("abc").wantClose())
	}},
}

func echoed(payload string) func(*peer) {
	return func(p *peer) {
		sid := p.open()
		status, body := p.post(sid, payload)
		require.Equal(p, http.StatusOK, status)
		require.Equal(p, "ok", body)
		p.wantPoll(sid, payload)
	}
}

func (p *peer) wantFailure(method, query, body string) {
	p.Helper()
	status, got, _ := p.do(method, query, "")
	require.Equal(p, http.StatusBadRequest, status)
	require.JSONEq(p, body, got)
}

// upgraded opens a session that has changed to WebSocket.
func (p *peer) upgraded() string {
	p.Helper()
	sid := p.open()
	p.dial(sid).say("2probe").want("3probe").say("5")
	p.until(sid, func(s *session) bool { return s.ws != nil })
	return sid
}

func runCases(t *testing.T, cases []protocolCase, newPeer func(*testing.T, Options) *peer) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(newPeer(t, c.opts))
		})
	}
}

func TestEngineIOProtocol(t *testing.T) {
	cases := slices.Concat(transportCases, echoCases)
	require.Len(t, cases, 24)
	runCases(t, cases, newEchoPeer)
}
