package conns

import (
	"encoding/binary"
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
	if len(reason) > maxReason || !utf8.ValidString(reason) {
		return fmt.Errorf("close reason %q must be UTF-8 of at most %d bytes", reason, maxReason)
	}
	return nil
}

// maxReason is what a control frame leaves of its 125 bytes behind the code
// (RFC 6455, sections 5.5 and 5.5.1).
const maxReason = 123

// closeFrame is a close frame as servers send it, without a mask
// (RFC 6455, sections 5.1 and 5.5.1).
func closeFrame(code int, reason string) []byte {
	reason = reason[:min(len(reason), maxReason)]
	frame := make([]byte, 0, 4+len(reason))
	frame = append(frame, finBit|opClose, byte(2+len(reason)))
	frame = binary.BigEndian.AppendUint16(frame, uint16(code))
	return append(frame, reason...)
}

// closingError is the type of ErrClosing.
type closingError struct{}

func (closingError) Error() string {
	return "drain: the server is shutting down and has sent the WebSocket's close frame: no message can follow it"
}

// Is makes it an ErrDraining too.
func (closingError) Is(target error) bool { return target == ErrDraining }

// ErrClosing is what a handler gets that writes a message when the close frame
// of the drain has been sent: nothing may follow it (RFC 6455, section 5.5.1).
// The message was not sent. It is an ErrDraining too. Control frames get no
// error: they are not needed any more and are swallowed.
var ErrClosing error = closingError{}
