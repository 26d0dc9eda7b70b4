package drain_test

import (
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/require"

	"github.com/godrain/drain"
	"github.com/godrain/drain/servers"
)

func TestBindFailureLeavesNothingRunning(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := free.Addr().String()
	_ = free.Close()
	_, err = drain.Config{}.Start(t.Context(),
		servers.HTTP(&http.Server{Addr: addr}, servers.HTTPOptions{Name: "fine"}),
		servers.HTTP(&http.Server{Addr: taken.Addr().String()}, servers.HTTPOptions{Name: "taken"}))
	require.ErrorContains(t, err, taken.Addr().String())
	require.ErrorContains(t, err, `"taken"`)
	again, err := net.Listen("tcp", addr)
	require.NoError(t, err, "the other one was stopped cleanly")
	_ = again.Close()
}

func TestBadConfigurationIsAClearError(t *testing.T) {
	c := drain.Config{Timeout: time.Second, ReadyDelay: 2 * time.Second}
	c.CloseCode = 1005
	_, err := c.Start(t.Context())
	require.ErrorContains(t, err, "ReadyDelay (2s) must be shorter than Timeout (1s)")
	require.ErrorContains(t, err, "close code 1005")
	_, err = drain.Config{}.Start(t.Context(), servers.HTTP(&http.Server{Addr: "127.0.0.1:0"}), servers.HTTP(&http.Server{Addr: "127.0.0.1:0"}))
	require.ErrorContains(t, err, `named "http" already`)
	one := servers.HTTP(&http.Server{Addr: "127.0.0.1:0"}, servers.HTTPOptions{MaxConns: -1})
	_, err = drain.Config{}.Start(t.Context(), one)
	require.EqualError(t, err, `drain: server "http": bad configuration: MaxConns is -1: it must not be negative; 0 is no limit`)
	_, err = drain.Config{}.Start(t.Context(), nil)
	require.ErrorContains(t, err, "is nil")
}

// Whoever prints the Report before he looks at the error reads what happened.
func TestTheReportOfAStartThatFailedIsNotClean(t *testing.T) {
	report, err := drain.Run(t.Context(), servers.HTTP(&http.Server{Addr: "127.0.0.1:99999"}))
	require.ErrorContains(t, err, "invalid port")
	require.EqualError(t, report.Err(), err.Error())
	require.Equal(t, err.Error(), report.Error)
	require.Contains(t, report.String(), "NOT clean")
	require.Contains(t, report.String(), "failed: "+err.Error())
}

func TestNothingToRegisterIsAClearError(t *testing.T) {
	r := start(t, drain.Config{}, false)
	require.ErrorContains(t, r.Register(t.Context(), nil), "neither a server")
	require.ErrorContains(t, r.RegisterActor(t.Context(), "idler", nil), "neither a server nor Props")
	idler := actor.PropsFromFunc(func(actor.Context) {})
	require.ErrorContains(t, r.RegisterActor(t.Context(), "", idler), "no name", "Suspend, for one, takes an empty one for all")
}

func TestServerThatServesElsewhereIsAClearError(t *testing.T) {
	r := &rig{T: t, held: make(chan *hold, 10)}
	managed := servers.HTTP(r.server())
	begin(t, drain.Config{}, managed)
	_, err := drain.Config{}.Start(t.Context(), managed)
	require.ErrorContains(t, err, "being served already")

	srv := r.server()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan struct{})
	go func() { defer close(served); _ = srv.Serve(ln) }()
	defer func() { _ = srv.Close(); <-served }()
	nc, err := net.Dial("tcp", ln.Addr().String())
	require.NoError(t, err)
	defer nc.Close()
	_, err = nc.Write([]byte("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"))
	require.NoError(t, err)
	_, err = nc.Read(make([]byte, 1)) // it serves
	require.NoError(t, err)
	srv.RegisterOnShutdown(func() {}) // takes the lock that net/http has taken before it served
	_, err = drain.Config{}.Start(t.Context(), servers.HTTP(srv))
	require.ErrorContains(t, err, "serves already")
}
