package compat

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/godrain/drain"
	"github.com/godrain/drain/servers"
)

// serveInstead makes this test binary the server of the throughput test, in a
// process of its own: what COMPAT_SERVE says, bare or managed.
func serveInstead() bool {
	mode := os.Getenv("COMPAT_SERVE")
	if mode == "" {
		return false
	}
	srv := &http.Server{Handler: http.HandlerFunc(gorillaEcho)}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(ln.Addr())
	if mode == "bare" {
		_ = srv.Serve(ln)
	} else {
		_, _ = drain.Run(context.Background(), servers.HTTP(srv, servers.HTTPOptions{Listener: ln}))
	}
	return true
}

func gorillaEcho(w http.ResponseWriter, r *http.Request) {
	conn, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer conn.Close()
	for {
		kind, message, err := conn.ReadMessage()
		if err != nil || conn.WriteMessage(kind, message) != nil {
			return
		}
	}
}

// TestFollowingCostsNextToNothing compares echoes over 1,000 connections with and
// without the adapter, in turns. The short form only sees that nothing is badly
// wrong: a busy machine says little in a second.
func TestFollowingCostsNextToNothing(t *testing.T) {
	rounds, window := full(61, 3), time.Duration(full(700, 400))*time.Millisecond
	bare, managed := newEchoServer(t, "bare"), newEchoServer(t, "managed")
	var rates, cpus []float64
	for i := range rounds {
		var b, bc, m, mc float64
		if i%2 == 0 {
			b, bc = bare.measure(window)
		}
		m, mc = managed.measure(window)
		if i%2 == 1 {
			b, bc = bare.measure(window)
		}
		rates, cpus = append(rates, m/b), append(cpus, bc/mc)
	}
	slices.Sort(rates)
	slices.Sort(cpus)
	t.Logf("managed / bare: throughput %.3f (%.3f to %.3f), echoes per CPU second %.3f (%.3f to %.3f)",
		rates[rounds/2], rates[0], rates[rounds-1], cpus[rounds/2], cpus[0], cpus[rounds-1])
	if long() {
		require.GreaterOrEqual(t, rates[rounds/2], 0.97)
	} else {
		require.Greater(t, cpus[rounds/2], 0.5)
	}
}

type echoServer struct {
	t     *testing.T
	pid   int
	peers []*peer
}

func newEchoServer(t *testing.T, mode string) *echoServer {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "COMPAT_SERVE="+mode)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	addr, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	peers := crowd(t, 1000, "ws://"+strings.TrimSpace(addr)+"/")
	for _, p := range peers {
		_ = p.SetDeadline(time.Time{})
	}
	return &echoServer{t, cmd.Process.Pid, peers}
}

// measure is how many echoes came back in a second, and the server's CPU time of
// each in microseconds.
func (s *echoServer) measure(window time.Duration) (rate, cpu float64) {
	began, before := time.Now(), s.cpu()
	until := began.Add(window)
	counts := make(chan int)
	message := masked(fin|opText, make([]byte, 64))
	for _, p := range s.peers {
		go func() {
			n := 0
			answer := make([]byte, 66)
			for time.Now().Before(until) {
				if _, err := p.Write(message); err != nil {
					break
				}
				if _, err := io.ReadFull(p.r, answer); err != nil {
					break
				}
				n++
			}
			counts <- n
		}()
	}
	total := 0
	for range s.peers {
		total += <-counts
	}
	require.Positive(s.t, total)
	return float64(total) / time.Since(began).Seconds(), float64(s.cpu()-before) * 1e4 / float64(total)
}

// cpu is what the server has used, in ticks of 10 ms (proc(5)).
func (s *echoServer) cpu() int {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(s.pid) + "/stat")
	require.NoError(s.t, err)
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return user + system
}
