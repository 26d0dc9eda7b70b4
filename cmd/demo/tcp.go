package main

import (
	"bufio"
	"context"
	"io"
	"time"

	"github.com/godrain/drain"
	"github.com/godrain/drain/conns"
	"github.com/godrain/drain/servers"
)

// goodbye is the last line of the line protocol.
const goodbye = "# the server is shutting down\n"

// lines is a line echo over TCP. A line "slow ..." takes a second.
func (o options) lines(show *show) drain.Server {
	return servers.TCP(o.tcp, echoLines, servers.TCPOptions{
		Goodbye:  func(w io.Writer) { _, _ = io.WriteString(w, goodbye) },
		ErrorLog: show.errorLog,
	})
}

func echoLines(ctx context.Context, c servers.Conn) {
	c.SetProtocol("lines")
	r := bufio.NewReader(c)
	for {
		text, err := r.ReadString('\n')
		if err != nil {
			return
		}
		c.Begin(&conns.Unit{Path: text[:len(text)-1]})
		if len(text) > 5 && text[:5] == "slow " {
			time.Sleep(time.Second)
		}
		if _, err := io.WriteString(c, text); err != nil {
			return
		}
		c.Idle()
		// A client that never pauses would keep its connection for ever. It must not
		// be left with lines unanswered: nothing may be waiting.
		select {
		case <-drain.Draining(ctx):
			if r.Buffered() == 0 && c.Quiet() {
				_, _ = io.WriteString(c, goodbye)
				return
			}
		default:
		}
	}
}
