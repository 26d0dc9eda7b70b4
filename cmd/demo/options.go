package main

import (
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/godrain/drain"
	"github.com/godrain/drain/admin"
	"github.com/godrain/drain/internal/selfsigned"
	"github.com/godrain/drain/messages"
	"github.com/godrain/drain/servers"
)

// options is the command line.
type options struct {
	http, https       string
	tcp, grpc         string
	admin             string
	adminChosen       bool // it was asked for by the flag
	cert, key         string
	timeout           time.Duration
	idleGrace         time.Duration
	readyDelay        time.Duration
	maxConns          int
	log               string
	closeCode, spread int
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	f := flag.NewFlagSet("demo", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&o.http, "http", "127.0.0.1:8080", "`address` for HTTP; empty switches it off")
	f.StringVar(&o.https, "https", "127.0.0.1:8443", "`address` for HTTPS; empty switches it off")
	f.StringVar(&o.tcp, "tcp", "", "`address` for a line echo over TCP; empty switches it off")
	f.StringVar(&o.grpc, "grpc", "", "`address` for gRPC: /drain.Demo/Echo and /drain.Demo/Ticks; empty switches it off")
	f.StringVar(&o.cert, "cert", "", "certificate `file` for HTTPS (default: one made at start)")
	f.StringVar(&o.key, "key", "", "key `file` for HTTPS")
	f.StringVar(&o.admin, "admin", "127.0.0.1:9090", "`address` for metrics, health and the live page; empty switches it off")
	f.DurationVar(&o.timeout, "timeout", 25*time.Second, "for the whole drain")
	f.DurationVar(&o.idleGrace, "idle-grace", time.Second, "quiet time before an idle connection leaves; negative: at once")
	f.DurationVar(&o.readyDelay, "ready-delay", 0, "how long to serve on after /readyz has turned 503")
	f.IntVar(&o.maxConns, "max-conns", 0, "limit of open connections for each server; 0 is none")
	f.StringVar(&o.log, "log", "text", "`format` of the log: text or json")
	f.IntVar(&o.closeCode, "close-code", 1001, "WebSocket close code: 1001 going away, 1012 service restart")
	f.IntVar(&o.spread, "spread", 0, "WebSockets to close in each tenth of a second; 0 closes all at once")
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			f.SetOutput(stderr)
			f.Usage()
			return o, flag.ErrHelp
		}
		return o, fmt.Errorf("%w; see -help", err)
	}
	f.Visit(func(f *flag.Flag) { o.adminChosen = o.adminChosen || f.Name == "admin" })
	return o, o.validate(f.Args())
}

func (o options) validate(rest []string) error {
	switch {
	case len(rest) > 0:
		return fmt.Errorf("unexpected argument %q: there are only flags; see -help", rest[0])
	case o.http == "" && o.https == "" && o.tcp == "" && o.grpc == "":
		return errors.New("-http, -https, -tcp and -grpc are all empty: there is nothing to serve")
	case o.log != "text" && o.log != "json":
		return fmt.Errorf("-log %q: it must be text or json", o.log)
	case o.timeout <= 0:
		return fmt.Errorf("-timeout %s: it must be positive", o.timeout)
	case (o.cert == "") != (o.key == ""):
		return errors.New("-cert and -key go together")
	}
	return nil
}

func (o options) config(show *show) drain.Config {
	c := drain.Config{Timeout: o.timeout, ReadyDelay: o.readyDelay, Logger: show.logger}
	c.IdleGrace, c.MaxConns, c.CloseCode = o.idleGrace, o.maxConns, o.closeCode
	if o.idleGrace == 0 {
		c.IdleGrace = -1
	}
	c.Spread.Batch = o.spread
	c.Subscribers = []messages.Subscriber{show, admin.Systemd()}
	return c
}

// withH2C is HTTP/1 and, for clients that know it, HTTP/2 without TLS.
func withH2C() *http.Protocols {
	var p http.Protocols
	p.SetHTTP1(true)
	p.SetUnencryptedHTTP2(true)
	return &p
}

func (o options) servers(show *show) ([]drain.Server, error) {
	var list []drain.Server
	sio := sessions(show.logger)
	handler := withSessions(sio, handlers(show))
	if o.http != "" {
		list = append(list, servers.SocketIO(&http.Server{
			Addr: o.http, Handler: handler, ErrorLog: show.errorLog,
			ReadHeaderTimeout: 30 * time.Second, Protocols: withH2C(),
		}, sio))
	}
	if o.https != "" {
		srv := &http.Server{
			Addr: o.https, Handler: handler, ErrorLog: show.errorLog,
			ReadHeaderTimeout: 30 * time.Second,
		}
		options := servers.HTTPOptions{CertFile: o.cert, KeyFile: o.key}
		if o.cert == "" {
			cert, err := selfsigned.Certificate()
			if err != nil {
				return nil, fmt.Errorf("cannot make a certificate: %w", err)
			}
			srv.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}}
		}
		list = append(list, servers.SocketIO(srv, sio, servers.SocketIOOptions{HTTPOptions: options}))
	}
	if o.tcp != "" {
		list = append(list, o.lines(show))
	}
	if o.grpc != "" {
		list = append(list, calls(o.grpc))
	}
	return list, nil
}
