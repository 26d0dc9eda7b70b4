package socketio

import (
	"encoding/json"
	"net/http"
)

// httpError is a refusal in the form that Engine.IO clients know.
type httpError struct {
	status  int
	Code    int    `json:"code"`
	Message string `json:"message"`
}

// The codes 0 to 5 are those of the reference implementation; it has none for
// the others, which repeat the status.
var (
	errUnknownTransport = &httpError{http.StatusBadRequest, 0, "Transport unknown"}
	errUnknownSession   = &httpError{http.StatusBadRequest, 1, "Session ID unknown"}
	errHandshakeMethod  = &httpError{http.StatusBadRequest, 2, "Bad handshake method"}
	errBadRequest       = &httpError{http.StatusBadRequest, 3, "Bad request"}
	errForbidden        = &httpError{http.StatusForbidden, 4, "Forbidden"}
	errVersion          = &httpError{http.StatusBadRequest, 5, "Unsupported protocol version"}
	errTooLarge         = &httpError{http.StatusRequestEntityTooLarge, http.StatusRequestEntityTooLarge, "Payload too large"}
	errShuttingDown     = &httpError{http.StatusServiceUnavailable, http.StatusServiceUnavailable, "Server is shutting down"}
)

func (e *httpError) write(w http.ResponseWriter) {
	body, _ := json.Marshal(e) // a number and a string: cannot fail
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if e.status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	w.WriteHeader(e.status)
	_, _ = w.Write(body)
}
