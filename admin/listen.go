package admin

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"
)

// DefaultAddr is where Listen listens if it is given no address.
const DefaultAddr = "127.0.0.1:9090"

// Listen serves the panel on an address of its own, which goes on while the tree
// drains, until Close. It warns, loudly, about an address that others can reach.
func (p *Panel) Listen(addr string) (net.Addr, error) {
	if addr == "" {
		addr = DefaultAddr
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("admin: cannot listen on %q: %w", addr, err)
	}
	if a, ok := l.Addr().(*net.TCPAddr); ok && !a.IP.IsLoopback() {
		p.log.Warn("admin: OPEN TO THE NETWORK: whoever reaches this address reads the addresses of your clients "+
			"and the paths of their requests; listen on 127.0.0.1, or put something that asks for a password in front",
			"addr", l.Addr().String(), "orders", p.options.Token != "")
	}
	srv := &http.Server{
		Handler: p, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
	}
	if !p.server.CompareAndSwap(nil, srv) {
		_ = l.Close()
		return nil, fmt.Errorf("admin: it listens already")
	}
	go func() { _ = srv.Serve(l) }()
	return l.Addr(), nil
}

// Close ends what Listen began. Before that it gives whoever watches the time to
// be sent the Report, and with Options.AwaitScrape a scrape to come, until ctx
// ends; if nobody watches, none at all.
func (p *Panel) Close(ctx context.Context) error {
	if p.over() {
		for p.watching.Load() > 0 && ctx.Err() == nil {
			select {
			case <-p.left:
			case <-ctx.Done():
			}
		}
		if p.options.AwaitScrape {
			select {
			case <-p.scraped:
			case <-ctx.Done():
			}
		}
	}
	srv := p.server.Swap(nil)
	if srv == nil {
		return nil
	}
	sent, cancel := context.WithTimeout(ctx, flushTime)
	defer cancel()
	_ = srv.Shutdown(sent)
	return srv.Close()
}

// flushTime is for answers that are being sent when Close is called.
const flushTime = 50 * time.Millisecond
