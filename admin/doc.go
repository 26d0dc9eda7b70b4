// Package admin is what an operator sees of a tree: metrics, health, status and
// a live page, as one http.Handler that mounts anywhere.
//
//	h, err := drain.Config{}.Start(ctx, servers.HTTP(srv))
//	panel := admin.Handler(h)
//	_, err = panel.Listen("127.0.0.1:9090")  // an address of its own, or mount panel in a mux
//	report, err := h.Wait()
//	panel.Close(ctx)                         // whoever watches has seen the Report
//
// What it answers:
//
//	GET  /               the live page
//	GET  /metrics        Prometheus
//	GET  /livez          200 as long as the process answers
//	GET  /readyz         503 from the first instant of a shutdown, with phase and time left
//	GET  /startupz       200 once everything is bound and serves
//	GET  /status         what every server is doing, as JSON; ?oldest=N&each=N
//	GET  /status/events  the same as server-sent events, at most ten a second
//	POST /shutdown       with a token: asks for the drain; ?force kills
//	POST /suspend        with a token: stops accepting; ?server=name
//	POST /resume         with a token: accepts again; ?server=name
//
// Give it an address of its own rather than a managed server: it has to answer
// while the others drain, and a stream of it would be one more connection to
// drain. Everything is read from counters, or asked of the servers at the moment
// somebody looks: while nobody does, nothing here runs.
package admin
