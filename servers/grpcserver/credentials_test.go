package grpcserver_test

import (
	"context"
	"crypto/tls"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/credentials/local"
	"google.golang.org/grpc/peer"

	"github.com/godrain/drain"
	"github.com/godrain/drain/servers/grpcserver"
)

// TLSConfig encrypts also where nobody has handed its handshake to the grpc.Server, and
// a drain then loses nothing.
func TestTLSWithoutTheOptions(t *testing.T) {
	secure := transports(t)["TLS"]
	for name, manage := range map[string]func(*grpc.Server) *grpcserver.Server{
		"Wrap": func(srv *grpc.Server) *grpcserver.Server { return grpcserver.Wrap(srv, secure.options) },
		"forgotten": func(srv *grpc.Server) *grpcserver.Server {
			return grpcserver.New(func(...grpc.ServerOption) *grpc.Server { return srv }, secure.options)
		},
	} {
		t.Run(name, func(t *testing.T) {
			secure.options.Addr = "127.0.0.1:0"
			e, begun, finish := held()
			srv := grpc.NewServer()
			srv.RegisterService(&description, e)
			h := start(t, 5*time.Second, manage(srv))
			rude, err := net.Dial("tcp", h.Addrs()["grpc"])
			require.NoError(t, err)
			defer rude.Close()
			_, err = rude.Write([]byte("GET / HTTP/1.1\r\n\r\n")) // it fails alone
			require.NoError(t, err)
			call := later(dial(t, h.Addrs()["grpc"], secure.client...))
			<-begun
			require.Error(t, func() error { _, err := say(dial(t, h.Addrs()["grpc"]), "in clear"); return err }())
			done := make(chan drain.Report, 1)
			go func() { done <- shutdown(h) }()
			<-time.After(300 * time.Millisecond) // longer than the grace
			close(finish)
			require.NoError(t, <-call)
			r := <-done
			require.NoError(t, r.Err(), r)
			require.Less(t, r.Took, time.Second)
		})
	}
}

// What a user has given to the grpc.Server is never replaced by nothing.
func TestCredentialsThatWeAreNotToldOfStayInForce(t *testing.T) {
	own := transports(t)["own credentials"]
	for name, o := range map[string]struct {
		options grpcserver.Options
		last    bool // the user's options are behind ours
		says    string
	}{
		"first":          {says: "OwnCredentials"},
		"last":           {last: true, says: "OwnCredentials"},
		"with TLSConfig": {options: transports(t)["TLS"].options, last: true, says: "TLSConfig"},
	} {
		t.Run(name, func(t *testing.T) {
			o.options.Addr = "127.0.0.1:0"
			e := new(echo)
			h := start(t, 5*time.Second, grpcserver.New(func(ours ...grpc.ServerOption) *grpc.Server {
				all := append(append([]grpc.ServerOption{}, own.server...), ours...)
				if o.last {
					all = append(ours, own.server...)
				}
				srv := grpc.NewServer(all...)
				srv.RegisterService(&description, e)
				return srv
			}, o.options))
			_, err := say(dial(t, h.Addrs()["grpc"]), "in clear")
			require.Error(t, err)
			_, served := e.said.Load("in clear")
			require.False(t, served)
			if o.options.TLSConfig != nil { // its own handshake comes first
				_, err = say(dial(t, h.Addrs()["grpc"], own.client...), "x")
				require.Error(t, err)
			}
			_, err = ended(t, h)
			require.ErrorContains(t, err, o.says)
		})
	}
}

// Credentials that encrypt nothing are HTTP/2 in clear, whoever gave them.
func TestCredentialsThatEncryptNothing(t *testing.T) {
	for name, creds := range map[string]credentials.TransportCredentials{
		"insecure": insecure.NewCredentials(), "local": local.NewCredentials(),
	} {
		t.Run(name, func(t *testing.T) {
			kind := make(chan string, 1)
			e := &echo{say: func(ctx context.Context, in string) (string, error) {
				p, _ := peer.FromContext(ctx)
				kind <- p.AuthInfo.AuthType()
				return in, nil
			}}
			h := start(t, 5*time.Second, e.server(grpcserver.Options{}, grpc.Creds(creds)))
			_, err := say(dial(t, h.Addrs()["grpc"]), "x")
			require.NoError(t, err)
			require.Equal(t, name, <-kind)
			require.EqualValues(t, 1, h.Gauges().Servers()["grpc"].Requests)
			require.NoError(t, shutdown(h).Err())
		})
	}
}

func TestTLSWithoutACertificateAndNoAddressAreClearErrors(t *testing.T) {
	build := func(ours ...grpc.ServerOption) *grpc.Server { return grpc.NewServer(ours...) }
	for says, o := range map[string]grpcserver.Options{
		"no certificate": {Addr: "127.0.0.1:0", TLSConfig: &tls.Config{}},
		"no address":     {},
	} {
		_, err := drain.Config{}.Start(t.Context(), grpcserver.New(build, o))
		require.ErrorContains(t, err, says)
	}
}

// A listener that a user has the same grpc.Server serve is not managed. It is
// encrypted like ours.
func TestAListenerOfTheUsersIsEncryptedToo(t *testing.T) {
	secure := transports(t)["TLS"]
	secure.options.Addr = "127.0.0.1:0"
	built := make(chan *grpc.Server, 1)
	e := new(echo)
	h := start(t, 5*time.Second, grpcserver.New(func(ours ...grpc.ServerOption) *grpc.Server {
		srv := grpc.NewServer(ours...)
		srv.RegisterService(&description, e)
		built <- srv
		return srv
	}, secure.options))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go func() { _ = (<-built).Serve(ln) }()
	_, err = say(dial(t, ln.Addr().String(), secure.client...), "x")
	require.NoError(t, err)
	_, err = say(dial(t, ln.Addr().String()), "in clear")
	require.Error(t, err)
	require.NoError(t, shutdown(h).Err())
}
