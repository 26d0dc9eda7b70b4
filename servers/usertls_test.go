package servers_test

import (
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/godrain/drain/servers"
)

// A listener of the user's that does TLS itself is served as net/http serves it:
// handshakes have a limit, and who does not speak TLS is told.
func TestTLSOfTheUsersOwnHasNetHTTPsHandshake(t *testing.T) {
	logged := make(lines, 10)
	srv := &http.Server{ReadHeaderTimeout: 200 * time.Millisecond, ErrorLog: log.New(logged, "", 0)}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := ln.Addr().String()
	config := &tls.Config{Certificates: certificate()}
	tr := grow(t, quick(), servers.HTTP(srv, servers.HTTPOptions{Name: "tls", Listener: tls.NewListener(ln, config)}))

	plain, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer plain.Close()
	_, err = io.WriteString(plain, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(t, err)
	said, _ := io.ReadAll(plain) // a reset may follow: not all was read
	assert.Contains(t, string(said), "400 Bad Request")
	assert.Contains(t, <-logged, "TLS handshake error")

	silent, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer silent.Close()
	require.NoError(t, silent.SetReadDeadline(time.Now().Add(10*time.Second)))
	_, err = silent.Read(make([]byte, 1))
	require.Error(t, err)
	require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "the handshake has no limit")
	require.NoError(t, tr.drained().Err())
}
