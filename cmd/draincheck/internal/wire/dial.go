//go:build unix

package wire

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/url"
	"syscall"
	"time"
)

// Dialler says how to connect.
type Dialler struct {
	Addr string      // host:port
	TLS  *tls.Config // nil for none
	// Slow makes the connection small: a receive buffer and segments as on an Ethernet link, so that a response of a
	// megabyte is still on the server's side while its reader takes its time. (On loopback the kernel's buffers would
	// swallow several megabytes.)
	Slow bool
}

// Address returns the host:port of a URL, with the scheme's port if it names none.
func Address(u *url.URL) string {
	if u.Port() != "" {
		return u.Host
	}
	if Secure(u) {
		return net.JoinHostPort(u.Hostname(), "443")
	}
	return net.JoinHostPort(u.Hostname(), "80")
}

// Secure says whether a URL's scheme stands for TLS.
func Secure(u *url.URL) bool { return u.Scheme == "https" || u.Scheme == "wss" }

// Trusting is a TLS configuration that trusts anyone: what is tested is the shutdown.
func Trusting(u *url.URL, protocol string) *tls.Config {
	return &tls.Config{ServerName: u.Hostname(), InsecureSkipVerify: true, NextProtos: []string{protocol}}
}

const (
	slowWindow  = 32 << 10
	slowSegment = 1400
)

// ErrNoPorts is the machine's failure, not the server's.
var ErrNoPorts = errors.New("out of local ports or descriptors: fewer -conns, or raise the limit")

// Dial connects. When ctx ends, everything that waits on the connection returns with a timeout.
func (d Dialler) Dial(ctx context.Context) (*Conn, error) {
	dialer := net.Dialer{KeepAlive: -1, Timeout: 10 * time.Second}
	if d.Slow {
		dialer.Control = makeSlow
	}
	nc, err := dialer.DialContext(ctx, "tcp", d.Addr)
	if err != nil {
		if errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
			err = ErrNoPorts
		}
		return nil, err
	}
	sock, err := newSocket(nc.(*net.TCPConn))
	if err != nil {
		nc.Close()
		return nil, err
	}
	c := &Conn{Since: time.Now(), sock: sock, stream: sock}
	c.release = context.AfterFunc(ctx, func() { sock.SetDeadline(time.Unix(1, 0)) })
	if d.TLS != nil {
		secure := tls.Client(sock, d.TLS)
		if err := secure.HandshakeContext(ctx); err != nil {
			c.Close()
			return nil, &HandshakeError{err}
		}
		c.stream = secure
	}
	c.in = bufio.NewReaderSize(c.stream, 16<<10)
	return c, nil
}

// HandshakeError is a connection that was established but whose TLS handshake failed.
type HandshakeError struct{ Err error }

func (e *HandshakeError) Error() string { return "TLS handshake: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *HandshakeError) Unwrap() error { return e.Err }
