package servers_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/godrain/drain"
	"github.com/godrain/drain/messages"
	"github.com/godrain/drain/servers"
)

// apart is between two pieces that are to arrive apart.
const apart = 50 * time.Millisecond

// What looks like a whole header, and is none, does not keep a connection until the
// deadline: empty lines, which net/http passes over, and the beginning of a preface.
func TestWhatIsNoHeaderDoesNotStay(t *testing.T) {
	for _, sent := range [][]string{
		{"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", "\r\n\r\n"},
		{"PRI * HTTP/2.0\r\n\r\nSM"},
	} {
		tr := serveHTTP(t, quick(), func(http.ResponseWriter, *http.Request) {})
		l := dialLine(t, "tcp", tr.addr("http"))
		for _, piece := range sent {
			l.send(piece)
			time.Sleep(apart) // that the pieces arrive apart is the subject
		}
		report := tr.drained()
		require.NoError(t, report.Err(), report)
		assert.Less(t, report.Took, 2*time.Second)
		_ = l.Close()
	}
}

// The first response of a drain does not say "Connection: close" over a request that
// net/http, or the TLS layer, holds in a buffer already, wherever that was cut.
func TestNothingIsAnnouncedOverWhatIsBuffered(t *testing.T) {
	const next = "GET /next HTTP/1.1\r\nHost: x\r\n\r\n"
	body := strings.Repeat("x", 10000)
	for _, c := range []struct {
		name    string
		pieces  []string // "/now" is answered when the drain has begun
		overTLS bool
	}{
		{"a header cut before its last CRLF", []string{"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /now HTTP/1.1\r\nHost: x\r\n", "\r\n" + next}, false},
		{"before its last LF", []string{"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /now HTTP/1.1\r\nHost: x\r\n\r", "\n" + next}, false},
		{"and a body behind it", []string{"GET / HTTP/1.1\r\nHost: x\r\n\r\nPOST /now HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n", "\r\nabc" + next}, false},
		{"a record that has not been read to its end", []string{"POST /now HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n" + body[:5000] + next}, true},
		{"one whose body has", []string{"POST /now?read HTTP/1.1\r\nHost: x\r\nContent-Length: 10000\r\n\r\n" + body + next}, true},
		{"a length that the handler changes", []string{"POST /now?read&longer HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n" + body[:10] + next}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			now, finish := make(chan struct{}), make(chan struct{})
			srv := &http.Server{Addr: "127.0.0.1:0", Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Query().Has("read") {
					_, _ = io.ReadFull(r.Body, make([]byte, r.ContentLength))
				}
				if r.URL.Query().Has("longer") {
					r.ContentLength *= 100
				}
				if r.URL.Path == "/now" {
					close(now)
					<-finish
				}
				fmt.Fprint(w, "answer to ", r.URL.Path)
			})}
			if c.overTLS {
				srv.TLSConfig = &tls.Config{Certificates: []tls.Certificate{testCertificate(t)}, NextProtos: []string{"http/1.1"}}
			}
			unbound := make(chan struct{})
			config := quick()
			config.Subscribers = append(config.Subscribers, onUnbound(unbound))
			tr := grow(t, config, servers.HTTP(srv, servers.HTTPOptions{Name: "it"}))
			nc, err := net.Dial("tcp", tr.addr("it"))
			require.NoError(t, err)
			if c.overTLS {
				nc = tls.Client(nc, &tls.Config{InsecureSkipVerify: true, DynamicRecordSizingDisabled: true})
			}
			l := lineOn(t, nc)
			for _, piece := range c.pieces {
				l.send(piece)
				time.Sleep(apart) // that the pieces arrive apart is the subject
			}
			<-now
			done := make(chan drain.Report)
			go func() { done <- tr.drained() }()
			<-unbound
			close(finish)
			all, err := io.ReadAll(l)
			require.NoError(t, err)
			assert.Contains(t, string(all), "answer to /next")
			_ = l.Close()
			require.NoError(t, (<-done).Err())
		})
	}
}

// A request that net/http refuses has its answer: it is not lost if the deadline comes
// while its connection lingers.
func TestARefusedRequestThatLingersIsNotLost(t *testing.T) {
	c := quick()
	c.Timeout, c.Linger, c.IdleGrace = time.Second, 3*time.Second, time.Second
	tr := serveHTTP(t, c, func(http.ResponseWriter, *http.Request) {})
	l := dialLine(t, "tcp", tr.addr("http"))
	l.send("GET / HTTP/1.1\r\n")
	time.Sleep(apart) // that the pieces arrive apart is the subject
	done := make(chan drain.Report)
	go func() { done <- tr.drained() }()
	time.Sleep(2 * apart) // and that this one comes in the drain
	l.send("\r\n")        // without a Host
	report := <-done
	assert.Zero(t, report.Sum().Lost, report)
	_ = l.Close()
}

// onUnbound is closed when a listener is.
type onUnbound chan struct{}

// Notify implements messages.Subscriber.
func (c onUnbound) Notify(e messages.Event) {
	if _, ok := e.(messages.ServerUnbound); ok {
		close(c)
	}
}
