package servers

import (
	"net/http"
	"strings"
)

// asksForWebSocket reports whether r asks for a WebSocket (RFC 6455, section
// 4.2.1). Whether it becomes one is the handler's to say, with a 101.
func asksForWebSocket(r *http.Request) bool {
	if len(r.Header["Upgrade"]) == 0 {
		return false
	}
	for _, field := range r.Header["Upgrade"] {
		for protocol := range strings.SplitSeq(field, ",") {
			if strings.EqualFold(strings.TrimSpace(protocol), "websocket") {
				return true
			}
		}
	}
	return false
}
