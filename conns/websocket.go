package conns

import (
	"fmt"
	"unicode/utf8"
)

// WebSocketProtocol is the Protocol of a WebSocket in its description.
const WebSocketProtocol = "WebSocket"

// ValidateClose says what is wrong with a close code and reason
// (RFC 6455, sections 5.5 and 7.4).
func ValidateClose(code int, reason string) error {
	valid := code == 1000 || code == 1001 || (code >= 1003 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) ||
		(code >= 3000 && code <= 4999)
	if !valid {
		return fmt.Errorf("close code %d may not be sent: use 1001 (going away), 1012 (service restart), 1000, or 3000 to 4999", code)
	}
	if len(reason) > 123 || !utf8.ValidString(reason) {
		return fmt.Errorf("close reason %q must be UTF-8 of at most 123 bytes", reason)
	}
	return nil
}
