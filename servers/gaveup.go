package servers

import "net/http"

// giveUp answers in the place of a handler that has returned because the deadline had
// cancelled its request, and has said nothing since. What net/http would make of that
// looks like an answer to work that was done: 200, with an empty body, or with one that
// ends in order before its time. sent says that a part of the answer is with the client
// already; one that is small and not sent yet is as the handler wanted it, most likely.
//
// The status is none that means "not processed": nobody knows what the handler has done.
func giveUp(w http.ResponseWriter, r *http.Request, announced, sent bool) {
	switch {
	case !announced:
		clear(w.Header()) // what it had prepared is not of this
		http.Error(w, "The server is shutting down, and has not finished this request: "+
			"what became of it is not known.", http.StatusInternalServerError)
	case sent && r.Method != http.MethodHead && len(w.Header()["Content-Length"]) == 0:
		panic(http.ErrAbortHandler) // the client sees that something is missing
	}
}

// bodiless reports whether an answer of this status has no body (RFC 9110, section
// 6.4.1): it is whole with its header.
func bodiless(status int) bool {
	return status == http.StatusNoContent || status == http.StatusNotModified
}
