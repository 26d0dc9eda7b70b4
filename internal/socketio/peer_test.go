package socketio

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait for something that ought to happen at once.
const patience = 10 * time.Second

// peer speaks the protocol by hand.
type peer struct {
	*testing.T
	srv  *Server
	http *http.Client
	url  string
}

// echo is a user that sends every Engine.IO message back.
type echo struct{ s *session }

func (e echo) greet(*http.Request)    { e.s.joined() }
func (e echo) message(p packet) error { e.s.send(p); return nil }
func (e echo) ended(Reason)           {}

// newEchoPeer talks to bare Engine.IO.
func newEchoPeer(t *testing.T, opts Options) *peer {
	srv := New(opts)
	srv.newUser = func(s *session) user { return echo{s} }
	return newPeer(t, srv)
}

// newChatPeer talks to the Socket.IO server that the protocol's cases suppose.
func newChatPeer(t *testing.T, opts Options) *peer {
	srv := New(opts)
	greet := func(k *Socket) { _ = k.Emit("auth", k.Handshake().Auth) }
	srv.Of("/").OnConnection(func(k *Socket) {
		greet(k)
		k.On("message", func(args []any, _ func(...any)) { _ = k.Emit("message-back", args...) })
		k.On("message-with-ack", func(args []any, ack func(...any)) { ack(args...) })
	})
	srv.Of("custom").OnConnection(greet)
	return newPeer(t, srv)
}

func newPeer(t *testing.T, srv *Server) *peer {
	ts := httptest.NewServer(srv)
	p := &peer{T: t, srv: srv, http: ts.Client(), url: ts.URL + "/socket.io/"}
	t.Cleanup(func() {
		srv.sessions.Range(func(_, v any) bool { v.(*session).tell(endAsked{Killed}); return true })
		p.http.CloseIdleConnections()
		ts.Close()
	})
	return p
}

// do makes a request; query comes after EIO=4 unless it brings its own.
func (p *peer) do(method, query, body string, header ...string) (int, string, http.Header) {
	p.Helper()
	if !strings.HasPrefix(query, "EIO") {
		query = "EIO=4&" + query
	}
	r, err := http.NewRequestWithContext(p.Context(), method, p.url+"?"+query, strings.NewReader(body))
	require.NoError(p, err)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := p.http.Do(r)
	require.NoError(p, err)
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	require.NoError(p, err)
	return res.StatusCode, string(content), res.Header
}

func polling(sid string) string { return "transport=polling&sid=" + sid }

func (p *peer) poll(sid string) (int, string) {
	p.Helper()
	status, body, _ := p.do("GET", polling(sid), "")
	return status, body
}

func (p *peer) post(sid, body string) (int, string) {
	p.Helper()
	status, answer, _ := p.do("POST", polling(sid), body)
	return status, answer
}

// wantPoll polls until there is something other than a noop.
func (p *peer) wantPoll(sid, want string) {
	p.Helper()
	status, body := p.poll(sid)
	require.Equal(p, http.StatusOK, status)
	require.Equal(p, want, body)
}

func (p *peer) wantGone(sid string) {
	p.Helper()
	status, body := p.poll(sid)
	require.Equal(p, http.StatusBadRequest, status)
	require.JSONEq(p, `{"code":1,"message":"Session ID unknown"}`, body)
}

type openData struct {
	SID          string   `json:"sid"`
	Upgrades     []string `json:"upgrades"`
	PingInterval int      `json:"pingInterval"`
	PingTimeout  int      `json:"pingTimeout"`
	MaxPayload   int      `json:"maxPayload"`
}

func (p *peer) parseOpen(content string) openData {
	p.Helper()
	require.True(p, strings.HasPrefix(content, "0"), content)
	var keys map[string]any
	require.NoError(p, json.Unmarshal([]byte(content[1:]), &keys))
	require.Len(p, keys, 5)
	var data openData
	require.NoError(p, json.Unmarshal([]byte(content[1:]), &data))
	require.NotEmpty(p, data.SID)
	return data
}

// open opens a polling session.
func (p *peer) open() string {
	p.Helper()
	status, body, _ := p.do("GET", "transport=polling", "")
	require.Equal(p, http.StatusOK, status)
	return p.parseOpen(body).SID
}

// join opens a polling session in the main namespace and reads its greeting.
func (p *peer) join() string {
	p.Helper()
	sid := p.open()
	p.post(sid, "40")
	for status, body := 200, ""; !strings.Contains(body, `42["auth",{}]`); {
		status, body = p.poll(sid)
		require.Equal(p, http.StatusOK, status, body)
	}
	return sid
}

// background polls and gives the answer later.
func (p *peer) background(sid string) <-chan string {
	got := make(chan string, 1)
	go func() { _, body := p.poll(sid); got <- body }()
	p.until(sid, func(s *session) bool { return s.pending != nil })
	return got
}

// until asks the session's owner until cond holds.
func (p *peer) until(sid string, cond func(*session) bool) {
	p.Helper()
	v, ok := p.srv.sessions.Load(sid)
	require.True(p, ok, "no session %q", sid)
	s, yes := v.(*session), make(chan bool, 1)
	for start := time.Now(); time.Since(start) < patience; runtime.Gosched() {
		require.True(p, s.tell(act(func() { yes <- cond(s) })), "the session is over")
		if <-yes {
			return
		}
	}
	p.Fatal("the session never came to that")
}

// socket is a WebSocket of the peer.
type socket struct {
	*peer
	conn *websocket.Conn
}

func (p *peer) tryDial(query string) (*websocket.Conn, *http.Response, error) {
	if !strings.HasPrefix(query, "EIO") {
		query = "EIO=4&" + query
	}
	url := "ws" + strings.TrimPrefix(p.url, "http") + "?" + query
	return websocket.DefaultDialer.DialContext(p.Context(), url, nil)
}

// dial opens a WebSocket; sid may be empty.
func (p *peer) dial(sid string) *socket {
	p.Helper()
	query := "transport=websocket"
	if sid != "" {
		query += "&sid=" + sid
	}
	conn, _, err := p.tryDial(query)
	require.NoError(p, err)
	p.Cleanup(func() { _ = conn.Close() })
	return &socket{p, conn}
}

// wantRefused expects the WebSocket handshake to fail.
func (p *peer) wantRefused(query string) {
	p.Helper()
	_, res, err := p.tryDial(query)
	require.ErrorIs(p, err, websocket.ErrBadHandshake)
	require.Equal(p, http.StatusBadRequest, res.StatusCode)
}

func (k *socket) say(texts ...string) *socket {
	k.Helper()
	for _, text := range texts {
		require.NoError(k, k.conn.WriteMessage(websocket.TextMessage, []byte(text)))
	}
	return k
}

func (k *socket) sayBinary(parts ...[]byte) {
	k.Helper()
	for _, part := range parts {
		require.NoError(k, k.conn.WriteMessage(websocket.BinaryMessage, part))
	}
}

// hear returns the next message.
func (k *socket) hear() string {
	k.Helper()
	_ = k.conn.SetReadDeadline(time.Now().Add(patience))
	_, data, err := k.conn.ReadMessage()
	require.NoError(k, err)
	return string(data)
}

func (k *socket) want(texts ...string) *socket {
	k.Helper()
	for _, text := range texts {
		require.Equal(k, text, k.hear())
	}
	return k
}

func (k *socket) wantBinary(data []byte) {
	k.Helper()
	_ = k.conn.SetReadDeadline(time.Now().Add(patience))
	kind, got, err := k.conn.ReadMessage()
	require.NoError(k, err)
	require.Equal(k, websocket.BinaryMessage, kind)
	require.Equal(k, data, got)
}

// wantClose reads to the end of the connection and returns the close code; 1006
// if there was none.
func (k *socket) wantClose() int {
	k.Helper()
	_ = k.conn.SetReadDeadline(time.Now().Add(patience))
	for {
		_, _, err := k.conn.ReadMessage()
		if err == nil {
			continue
		}
		var closed *websocket.CloseError
		if require.ErrorAs(k, err, &closed); closed != nil {
			return closed.Code
		}
	}
}

// joinSocket opens a WebSocket session in the main namespace.
func (p *peer) joinSocket() *socket {
	p.Helper()
	k := p.dial("")
	k.hear()
	k.say("40")
	k.hear()
	return k.want(`42["auth",{}]`)
}

// sid is the id of the only session there is.
func (p *peer) sid() (id string) {
	p.srv.sessions.Range(func(k, _ any) bool { id = k.(string); return true })
	return id
}
