package browsertest

import (
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The scenes are what the page looks like in each phase, in light and in dark;
// with SCREENSHOTS=directory they are kept. axe looks at each of them.

func TestScenesOfTenConnections(t *testing.T) {
	d := start(t, "-timeout", "12s")
	tb := open(t, d.page+"#token="+d.token, 1280, 1000)
	tb.until(phase+` === "serving"`, 5*time.Second)
	for range 7 {
		rest(t, d.ask("/hello"))
	}
	tb.until(openNow+` === "7" && `+busyNow+` === "0"`, 2*time.Second)
	tb.axe("idle")
	tb.shoot("10-idle")

	for _, path := range []string{"/slow?ms=9000", "/stream?ms=8000", "/download?mb=64"} {
		d.ask(path)
	}
	tb.until(busyNow+` === "3"`, 2*time.Second)
	tb.until(`document.querySelectorAll("#busy-table tbody tr").length === 3`, 2*time.Second)
	tb.axe("busy")
	tb.shoot("10-busy")

	tb.ending.Store(true)
	d.terminate()
	tb.until(phase+` === "draining"`, 2*time.Second)
	tb.until(openNow+` === "3"`, 5*time.Second)
	tb.until(`parseFloat(document.getElementById("drain-left").textContent) < 7.5`, 8*time.Second)
	tb.axe("draining")
	tb.shoot("10-draining")
	tb.until(`!document.getElementById("report").hidden`, 15*time.Second)
	tb.until(phase+` === "gone"`, 5*time.Second)
	assert.Contains(t, tb.text("#report"), "Not clean")
	tb.axe("done")
	tb.shoot("10-done")
	tb.clean(d.page)
}

const many = 15_000

// crowd opens many connections, of which some are busy.
func (d *demo) crowd(t *testing.T, busy int) {
	t.Helper()
	began := time.Now()
	const hands = 50
	failed := make(chan error, hands)
	for hand := range hands {
		go func() {
			var err error
			for i := hand; i < many && err == nil; i += hands {
				path := "/hello"
				if i < busy {
					path = fmt.Sprintf("/slow?ms=%d", 30_000+i)
				}
				var c net.Conn
				if c, err = net.Dial("tcp", d.addr); err != nil {
					break
				}
				t.Cleanup(func() { _ = c.Close() })
				if _, err = fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: demo\r\n\r\n", path); err == nil && i >= busy {
					_, err = c.Read(make([]byte, 1024))
				}
			}
			failed <- err
		}()
	}
	for range hands {
		require.NoError(t, <-failed)
	}
	t.Log(many, "connections in", time.Since(began))
}
