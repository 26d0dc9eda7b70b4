package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/godrain/drain"
	"github.com/godrain/drain/admin"
)

// panel is the demo's admin page. It listens on an address of its own, beside the
// tree: it has to answer while the servers drain, and must not hold them up.
type panel struct {
	*admin.Panel
	load *load
}

// openPanel starts the page and prints where it is, before anything else is. It
// returns nil if there is none.
func (o options) openPanel(show *show) (*panel, error) {
	if o.admin == "" {
		return nil, nil
	}
	token := rand.Text()
	p := &panel{load: &load{}}
	p.Panel = admin.New(admin.Options{
		Token: token, Logger: show.logger,
		Gatherers: []prometheus.Gatherer{prometheus.DefaultGatherer},
		// It harms nobody but the demo, so it needs no token.
		Actions: []admin.Action{{Name: "load", Label: "Make traffic", Open: true, Run: p.load.start}},
	})
	addr, err := p.Listen(o.admin)
	switch {
	case err == nil:
		fmt.Fprintf(show.stdout, "page   http://%s/\n", reachable(addr.String()))
		fmt.Fprintf(show.stdout, "token  %s, for its shutdown button (or open http://%s/#token=%s)\n", token, reachable(addr.String()), token)
		return p, nil
	case errors.Is(err, syscall.EADDRINUSE) && !o.adminChosen:
		show.logger.Warn("no admin page: its address is in use; -admin 127.0.0.1:0 takes any", "addr", o.admin)
		return nil, nil
	}
	return nil, err
}

// watch gives the page a tree, and the load button something to load.
func (p *panel) watch(h *drain.Handle) {
	if p == nil {
		return
	}
	t := &target{done: h.Done()}
	for name, addr := range h.Addrs() {
		if name == "http" || name == "https" {
			t.urls = append(t.urls, name+"://"+reachable(addr))
		}
	}
	p.load.target.Store(t)
	p.Watch(h)
}

// reachable is an address that can be dialled: 0.0.0.0 can not.
func reachable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return addr
}

// lastLook is for whoever watches to be sent the Report.
const lastLook = 200 * time.Millisecond

func (p *panel) close() {
	if p == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), lastLook)
	defer cancel()
	_ = p.Close(ctx)
}
