// Command h2spec runs the conformance suite of the same name (the program that
// the environment variable H2SPEC names) against four servers: a bare
// http.Server and the same one managed by Drain, each over TLS and by prior
// knowledge without. It fails if a case passes on the bare server and not on the
// managed one.
package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/godrain/drain"
	"github.com/godrain/drain/servers"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "h2spec:", err)
		os.Exit(1)
	}
}

func run() error {
	type verdict struct {
		result
		err error
	}
	kinds := []struct {
		name    string
		overTLS bool
		start   func(overTLS bool) (addr string, stop func(), err error)
	}{{"TLS", true, bare}, {"TLS", true, managed}, {"h2c", false, bare}, {"h2c", false, managed}}
	verdicts := make([]chan verdict, len(kinds))
	for i, k := range kinds { // nearly all of the time is spent in waiting for nothing to happen
		verdicts[i] = make(chan verdict, 1)
		go func() {
			addr, stop, err := k.start(k.overTLS)
			if err != nil {
				verdicts[i] <- verdict{err: err}
				return
			}
			defer stop()
			r, err := suite(addr, k.overTLS)
			verdicts[i] <- verdict{r, err}
		}()
	}
	var errs []error
	for i := 0; i < len(kinds); i += 2 {
		want, got := <-verdicts[i], <-verdicts[i+1]
		if err := errors.Join(want.err, got.err); err != nil {
			return err
		}
		errs = append(errs, compare(kinds[i].name, want.result, got.result))
	}
	return errors.Join(errs...)
}

// compare fails for what only the managed server does wrong.
func compare(name string, want, got result) error {
	fmt.Printf("%s: bare %d of %d, managed %d of %d\n",
		name, want.passed, len(want.failed)+want.passed, got.passed, len(got.failed)+got.passed)
	var errs []error
	for c := range got.failed {
		if want.failed[c] {
			fmt.Println("  fails on both:", c)
		} else {
			errs = append(errs, fmt.Errorf("%s: fails only with the adapter: %s", name, c))
		}
	}
	for c := range want.failed {
		if !got.failed[c] {
			fmt.Println("  fails on the bare server alone:", c)
		}
	}
	return errors.Join(errs...)
}

func server(overTLS bool) *http.Server {
	var p http.Protocols
	p.SetHTTP1(true)
	p.SetHTTP2(overTLS)
	p.SetUnencryptedHTTP2(!overTLS)
	srv := &http.Server{
		Addr: "127.0.0.1:0", Protocols: &p, ErrorLog: log.New(io.Discard, "", 0),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			_, _ = w.Write(bytes.Repeat([]byte("drain "), 1000))
		}),
	}
	if overTLS {
		made := httptest.NewTLSServer(http.NotFoundHandler()) // for its certificate
		srv.TLSConfig = &tls.Config{Certificates: made.TLS.Certificates}
		made.Close()
	}
	return srv
}

func bare(overTLS bool) (addr string, stop func(), err error) {
	srv := server(overTLS)
	ln, err := net.Listen("tcp", srv.Addr)
	if err != nil {
		return "", nil, err
	}
	go func() {
		if overTLS {
			_ = srv.ServeTLS(ln, "", "")
		} else {
			_ = srv.Serve(ln)
		}
	}()
	return ln.Addr().String(), func() { _ = srv.Close() }, nil
}

func managed(overTLS bool) (addr string, stop func(), err error) {
	h, err := drain.Config{Signals: []os.Signal{}, Logger: slog.New(slog.DiscardHandler)}.Start(context.Background(), servers.HTTP(server(overTLS)))
	if err != nil {
		return "", nil, err
	}
	for _, addr = range h.Addrs() {
	}
	return addr, func() { _, _ = h.Shutdown(context.Background()) }, nil
}

type result struct {
	passed int
	failed map[string]bool
}

// suite runs every case against one server.
func suite(addr string, overTLS bool) (result, error) {
	r := result{failed: map[string]bool{}}
	dir, err := os.MkdirTemp("", "h2spec")
	if err != nil {
		return r, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	report := filepath.Join(dir, "report.xml")
	host, port, _ := net.SplitHostPort(addr)
	args := []string{"-h", host, "-p", port, "-j", report, "-o", "2"}
	if overTLS {
		args = append(args, "-t", "-k")
	}
	out, runErr := exec.Command(cmp.Or(os.Getenv("H2SPEC"), "h2spec"), args...).CombinedOutput()
	data, err := os.ReadFile(report)
	if err != nil { // the exit status alone says only that a case failed
		return r, fmt.Errorf("%w: %w\n%s", err, runErr, out)
	}
	var suites struct {
		Suite []struct {
			Package string `xml:"package,attr"`
			Case    []struct {
				Name    string    `xml:"classname,attr"`
				Failure *struct{} `xml:"failure"`
				Error   *struct{} `xml:"error"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal(data, &suites); err != nil {
		return r, err
	}
	for _, s := range suites.Suite {
		for _, c := range s.Case {
			if c.Failure != nil || c.Error != nil {
				r.failed[s.Package+": "+c.Name] = true
			} else {
				r.passed++
			}
		}
	}
	return r, nil
}
