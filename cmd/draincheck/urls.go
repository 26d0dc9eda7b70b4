//go:build unix

package main

import (
	"flag"
	"net/url"
)

// urlFlags defines where the server offers what.
func (o *options) urlFlags(fs *flag.FlagSet) {
	p := &o.plan
	for _, f := range []struct {
		name string
		to   **url.URL
		help string
	}{
		{"url", &p.URL, "`URL` that answers a POST; with this alone much can be tested"},
		{"tls-url", &p.TLS, "`URL` of the same over TLS"},
		{"slow-url", &p.Slow, "`URL` that answers a GET after a second or so"},
		{"stream-url", &p.Stream, "`URL` that sends its header and a first piece at once, and the rest after half a second or so"},
		{"download-url", &p.Download, "`URL` of something big (several MB)"},
		{"early-url", &p.Early, "`URL` that answers a POST with a megabyte or so without reading its body"},
		{"h2-url", &p.H2, "`URL` that answers a POST over HTTP/2 (http: with prior knowledge)"},
		{"ws-url", &p.WS, "`URL` of a WebSocket that echoes"},
		{"ws-big-url", &p.WSBig, "`URL` of a WebSocket that sends one big message (several MB) upon connection"},
		{"sse-url", &p.SSE, "`URL` of an event stream"},
	} {
		fs.Func(f.name, f.help, urlInto(f.to, f.to == &p.TLS))
	}
	fs.Func("base", "`URL` of a server with the paths of Drain's demo: /echo, /slow?ms=1000, /stream?ms=500, /download?mb=16, "+
		"/early, /ws, /ws/big?mb=8, /events; what the other flags say stands", urlInto(&o.base, false))
	fs.Func("tls-base", "`URL` of the same over TLS, with HTTP/2", urlInto(&o.tlsBase, true))
}

// infer fills what -base and -tls-base say.
func (o *options) infer() {
	p := &o.plan
	fill := func(to **url.URL, base *url.URL, path string) {
		if *to == nil && base != nil {
			*to, _ = base.Parse(path)
		}
	}
	fill(&p.URL, o.base, "/echo")
	fill(&p.Slow, o.base, "/slow?ms=1000")
	fill(&p.Stream, o.base, "/stream?ms=500")
	fill(&p.Download, o.base, "/download?mb=16")
	fill(&p.Early, o.base, "/early")
	fill(&p.WS, o.base, "/ws")
	fill(&p.WSBig, o.base, "/ws/big?mb=8")
	fill(&p.SSE, o.base, "/events")
	fill(&p.TLS, o.tlsBase, "/echo")
	fill(&p.H2, o.tlsBase, "/echo")
}
