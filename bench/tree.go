package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime"
	"runtime/pprof"
	"strconv"
	"time"

	"github.com/godrain/drain"
	"github.com/godrain/drain/conns"
)

// memoryConn is a connection without a socket and without a goroutine. It is idle
// until somebody sets a read deadline in the past: then one of a few readers looks
// at it, as its own would.
type memoryConn struct {
	net.Conn // nil: whatever is not here is not called
	due      chan<- *conns.Conn
	conn     *conns.Conn
}

func (m *memoryConn) Read([]byte) (int, error)         { return 0, os.ErrDeadlineExceeded }
func (m *memoryConn) Write(p []byte) (int, error)      { return len(p), nil }
func (m *memoryConn) Close() error                     { return nil }
func (m *memoryConn) SetDeadline(time.Time) error      { return nil }
func (m *memoryConn) SetWriteDeadline(time.Time) error { return nil }
func (m *memoryConn) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (m *memoryConn) RemoteAddr() net.Addr             { return &net.TCPAddr{} }

func (m *memoryConn) SetReadDeadline(t time.Time) error {
	if c := m.conn; c != nil && !t.IsZero() && !t.After(time.Now()) {
		m.conn = nil
		m.due <- c
	}
	return nil
}

// forest is a server whose connections are memoryConns.
type forest struct {
	n       int
	planted chan time.Duration
	over    chan struct{}
	due     chan *conns.Conn
}

func (f *forest) Name() string { return "memory" }

func (f *forest) Serve(t conns.Tracker) error {
	began := time.Now()
	for range 2 * runtime.GOMAXPROCS(0) {
		go func() {
			p := make([]byte, 1)
			for c := range f.due {
				_, _ = c.Read(p)
				_ = c.Close()
			}
		}()
	}
	for range f.n {
		m := &memoryConn{due: f.due}
		c := conns.New(t.Group(), m)
		c.FollowHTTP1()
		if err := t.Adopt(c); err != nil {
			return err
		}
		m.conn = c
	}
	f.planted <- time.Since(began)
	<-f.over
	return nil
}

func (f *forest) Unbind(context.Context) error {
	close(f.over)
	return nil
}

// serveTree measures one tree, in a process of its own, and prints its times and
// the memory of a connection.
func serveTree(arg string) {
	n, _ := strconv.Atoi(arg)
	f := &forest{n: n, planted: make(chan time.Duration), over: make(chan struct{}), due: make(chan *conns.Conn, n)}
	config := drain.Config{Timeout: time.Minute, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))}
	config.IdleGrace = -1
	before := heap()
	h, err := config.Start(context.Background(), f)
	if err != nil {
		fmt.Println(err)
		return
	}
	planted := <-f.planted
	// What is not the connections' is the server's and the benchmark's.
	if _, err := h.Status(context.Background()); err != nil {
		fmt.Println(err)
		return
	}
	each := float64(heap()-before)/float64(n) - 48 - 8 // memoryConn, its place in due
	if p := os.Getenv("BENCH_PROFILE"); p != "" {
		if out, err := os.Create(p + ".heap"); err == nil {
			_ = pprof.WriteHeapProfile(out)
			_ = out.Close()
		}
		if out, err := os.Create(p); err == nil {
			_ = pprof.StartCPUProfile(out)
			defer pprof.StopCPUProfile()
		}
	}
	began, used := time.Now(), cpuTime()
	report, err := h.Shutdown(context.Background())
	took, used := time.Since(began), cpuTime()-used
	if err != nil || report.Sum().Drained != n {
		fmt.Println("not drained:", report, err)
		return
	}
	fmt.Println(int64(planted), int64(took), int64(each), int64(used))
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// tree measures trees of growing size.
func tree(o options) (result, error) {
	sizes := []int{1000, 10_000, 100_000, 300_000, 1_000_000}
	if o.brief {
		sizes = []int{1000, 2000}
	}
	if o.conns > 0 {
		sizes = []int{o.conns}
	}
	r := result{unit: "s"}
	spawned, drained, cpu := series{name: "adopted"}, series{name: "Shutdown to Report"}, series{name: "CPU of that"}
	for _, n := range sizes {
		var spawn, drains, bytes, used []float64
		for range max(o.pairs/4, 1) {
			c, err := spawn1(n, o.profile)
			if err != nil {
				return r, err
			}
			spawn, drains, bytes = append(spawn, c[0]/1e9), append(drains, c[1]/1e9), append(bytes, c[2])
			used = append(used, c[3]/1e9)
		}
		spawned.x, spawned.y = append(spawned.x, float64(n)), append(spawned.y, median(spawn))
		drained.x, drained.y = append(drained.x, float64(n)), append(drained.y, median(drains))
		cpu.x, cpu.y = append(cpu.x, float64(n)), append(cpu.y, median(used))
		r.notes = append(r.notes, fmt.Sprintf("%d connections: %.0f B each on the heap", n, median(bytes)))
	}
	r.series = []series{spawned, drained, cpu}
	if len(sizes) > 1 {
		r.notes = append(r.notes, "adopted: "+linear(spawned), "CPU: "+linear(cpu), "Shutdown to Report: "+linear(drained))
	}
	return r, nil
}

func spawn1(n int, profile string) (out [4]float64, err error) {
	c, err := spawn(fmt.Sprintf("BENCH_TREE=%d", n), "BENCH_PROFILE="+profile)
	if err != nil {
		return out, err
	}
	defer c.end()
	line, err := c.line()
	if err != nil {
		return out, err
	}
	if _, err := fmt.Sscan(line, &out[0], &out[1], &out[2], &out[3]); err != nil {
		return out, fmt.Errorf("%s", line)
	}
	return out, nil
}
