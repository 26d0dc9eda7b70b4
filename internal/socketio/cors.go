package socketio

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// cors says whether the request's origin may use the server, and sets the
// headers that tell a browser so. It holds for all transports: a WebSocket
// handshake and a plain POST need no browser's leave, so the answer's headers
// alone would protect nothing.
func (o *Options) cors(w http.ResponseWriter, r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	h := w.Header()
	h.Add("Vary", "Origin")
	switch {
	case slices.Contains(o.Origins, origin):
		h.Set("Access-Control-Allow-Origin", origin)
		if o.Credentials {
			h.Set("Access-Control-Allow-Credentials", "true")
		}
	case slices.Contains(o.Origins, "*"):
		h.Set("Access-Control-Allow-Origin", "*")
	default:
		return sameHost(origin, r.Host)
	}
	return true
}

func sameHost(origin, host string) bool {
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, host)
}

// preflight answers the question that a browser asks before it sends a request
// with headers of its own.
func preflight(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Methods", "GET, POST")
	if asked := r.Header.Get("Access-Control-Request-Headers"); asked != "" {
		h.Add("Vary", "Access-Control-Request-Headers")
		h.Set("Access-Control-Allow-Headers", asked)
	}
	w.WriteHeader(http.StatusNoContent)
}
