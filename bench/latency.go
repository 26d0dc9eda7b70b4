package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/godrain/drain"
	"github.com/godrain/drain/messages"
	"github.com/godrain/drain/servers"
)

// timed notes when its connections are closed.
type timed struct {
	net.Listener
	closed chan time.Time
}

type timedConn struct {
	*net.TCPConn
	closed chan time.Time
}

func (l timed) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return timedConn{nc.(*net.TCPConn), l.closed}, nil
}

func (l timed) SetDeadline(t time.Time) error { return l.Listener.(*net.TCPListener).SetDeadline(t) }

func (c timedConn) Close() error {
	err := c.TCPConn.Close()
	c.closed <- time.Now()
	return err
}

// reportLatency measures, from the moment that the server has closed its last
// connection, which was busy, to the return of Shutdown, and from the client's view.
func reportLatency(o options) (result, error) {
	n := 10 * o.pairs
	var server, seen []float64
	for range n {
		s, c, err := reportOnce()
		if err != nil {
			return result{}, err
		}
		server, seen = append(server, s), append(seen, c)
	}
	line := func(who string, v []float64) string {
		return fmt.Sprintf("%s: median %.3f ms, p99 %.3f ms (%d trials)", who, median(v), percentile(v, 0.99), n)
	}
	return result{unit: "ms", notes: []string{
		line("the server's last connection closed to the Report (bar 0.2, 2)", server),
		line("the client has read the last response to the Report", seen),
	}}, nil
}

func reportOnce() (server, seen float64, err error) {
	tcp, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, 0, err
	}
	l := timed{tcp, make(chan time.Time, 8)}
	busy, finish := make(chan struct{}), make(chan struct{})
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(busy)
		<-finish
		_, _ = io.WriteString(w, "done")
	})}
	unbound := make(chan struct{}, 1)
	config := drain.Config{Logger: slog.New(slog.DiscardHandler), Subscribers: []messages.Subscriber{notify(unbound)}}
	h, err := config.Start(context.Background(), servers.HTTP(srv, servers.HTTPOptions{Listener: l}))
	if err != nil {
		return 0, 0, err
	}
	nc, err := net.Dial("tcp", tcp.Addr().String())
	if err != nil {
		return 0, 0, err
	}
	defer nc.Close()
	if _, err := io.WriteString(nc, helloRequest); err != nil {
		return 0, 0, err
	}
	<-busy
	go func() { _, _ = h.Shutdown(context.Background()) }()
	<-unbound
	close(finish)
	resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
	if err != nil {
		return 0, 0, err
	}
	_, _ = io.ReadAll(resp.Body)
	read := time.Now()
	_ = nc.Close()
	if _, err := h.Wait(); err != nil {
		return 0, 0, err
	}
	done := time.Now()
	closed := <-l.closed
	return float64(done.Sub(closed)) / 1e6, float64(done.Sub(read)) / 1e6, nil
}

// notify tells when the listener is closed.
type notify chan struct{}

func (n notify) Notify(e messages.Event) {
	if _, ok := e.(messages.ServerUnbound); ok {
		n <- struct{}{}
	}
}
