package socketio

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// messageType is the first character of a Socket.IO packet, which travels as
// one Engine.IO message and its attachments. It is called a message here, to
// be told from the Engine.IO packet.
type messageType byte

const (
	typeConnect messageType = iota
	typeDisconnect
	typeEvent
	typeAck
	typeConnectError
	typeBinaryEvent
	typeBinaryAck
)

// mainNamespace is what a message without a namespace belongs to.
const mainNamespace = "/"

var errMessage = errors.New("invalid Socket.IO packet")

// message is one Socket.IO packet, with its attachments back in place: typ is
// never one of the binary types once it is decoded.
type message struct {
	typ       messageType
	namespace string
	id        uint64
	hasID     bool
	payload   any
}

// args is the payload of an event or an ack.
func (m *message) args() []any {
	args, _ := m.payload.([]any)
	return args
}

// content is a payload made ready for the wire, in the goroutine that sends:
// the session's owner has better things to do than to marshal JSON.
type content struct {
	json  []byte
	parts [][]byte
}

func encodeContent(payload any) (content, error) {
	if payload == nil {
		return content{}, nil
	}
	var c content
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(extract(payload, &c.parts)); err != nil {
		return content{}, fmt.Errorf("socketio: the payload cannot be sent: %w", err)
	}
	c.json = bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
	return c, nil
}

// encodeMessage gives the Engine.IO packets that carry m with its content c.
func encodeMessage(m message, c content) []packet {
	head := make([]byte, 0, len(c.json)+len(m.namespace)+16)
	if len(c.parts) == 0 {
		head = append(head, '0'+byte(m.typ))
	} else {
		head = append(head, '0'+byte(binaryTwin(m.typ)))
		head = append(strconv.AppendInt(head, int64(len(c.parts)), 10), '-')
	}
	if m.namespace != mainNamespace {
		head = append(append(head, m.namespace...), ',')
	}
	if m.hasID {
		head = strconv.AppendUint(head, m.id, 10)
	}
	packets := []packet{textMessage(append(head, c.json...))}
	for _, part := range c.parts {
		packets = append(packets, binaryMessage(part))
	}
	return packets
}

func binaryTwin(t messageType) messageType {
	if t == typeAck {
		return typeBinaryAck
	}
	return typeBinaryEvent
}

// validPayload says whether the payload fits the type. has tells an absent
// payload from a null.
func validPayload(m *message, has bool) bool {
	args, isArray := m.payload.([]any)
	_, isObject := m.payload.(map[string]any)
	switch m.typ {
	case typeConnect:
		return !has || isObject
	case typeDisconnect:
		return !has
	case typeEvent:
		return isArray && len(args) > 0 && validEvent(args[0])
	case typeAck:
		return isArray && m.hasID
	case typeConnectError:
		_, isString := m.payload.(string)
		return isObject || isString
	default:
		return false
	}
}

// validEvent refuses the names that clients emit to themselves.
func validEvent(name any) bool {
	s, ok := name.(string)
	switch s {
	case "connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener":
		return false
	}
	return ok
}
