// Package admin shows an operator the state of a tree: metrics, health, status and
// a live page, as one http.Handler that mounts anywhere.
//
//	h, err := drain.Config{}.Start(ctx, servers.HTTP(srv))
//	panel := admin.Handler(h)
//	_, err = panel.Listen("127.0.0.1:9090")  // an address of its own, or mount panel in a mux
//	report, err := h.Wait()
//	panel.Close(ctx)                         // everyone watching has seen the Report
//
// What it answers:
//
//	GET  /               the live page
//	GET  /metrics        Prometheus
//	GET  /livez          200 as long as the process answers
//	GET  /readyz         503 from the first instant of a shutdown, with phase and time left
//	GET  /startupz       200 once everything is bound and serving
//	GET  /status         what every server is doing, as JSON; ?oldest=N&each=N
//	GET  /status/events  the same as server-sent events, at most ten a second
//	POST /shutdown       with a token: starts the drain; ?force kills
//	POST /suspend        with a token: stops accepting; ?server=name
//	POST /resume         with a token: accepts again; ?server=name
//
// Give it an address of its own rather than mounting it on a managed server. It has
// to answer while the others drain, and each of its streams would be one more
// connection to drain. Everything is read from counters, or asked of the servers at
// the moment somebody looks. While nobody does, nothing here runs.
package admin
