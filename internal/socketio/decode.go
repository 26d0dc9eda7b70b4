package socketio

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
)

// maxAttachments bounds what one message makes the server hold, as the
// reference parser does.
const maxAttachments = 10

// decoder turns the Engine.IO messages of one session into Socket.IO messages.
// One whose attachments have not all come is held back.
type decoder struct {
	partial *message
	want    int
	parts   attachments
}

// add takes the next Engine.IO message; the result is nil as long as
// attachments are missing.
func (d *decoder) add(p packet) (*message, error) {
	switch {
	case p.binary && d.partial == nil:
		return nil, fmt.Errorf("%w: an attachment that none announced", errMessage)
	case p.binary:
		d.parts[float64(len(d.parts))] = p.data
	case d.partial != nil:
		return nil, fmt.Errorf("%w: text where an attachment was announced", errMessage)
	default:
		m, want, err := decodeText(p.data)
		if err != nil || want == 0 {
			return m, err
		}
		d.partial, d.want, d.parts = m, want, attachments{}
	}
	if len(d.parts) < d.want {
		return nil, nil
	}
	return d.complete()
}

// complete puts the attachments back where the placeholders are.
func (d *decoder) complete() (*message, error) {
	m, parts := d.partial, d.parts
	*d = decoder{}
	payload, err := restore(m.payload, parts)
	if err != nil {
		return nil, err
	}
	m.payload = payload
	return m, nil
}

// decodeText reads <type>[<attachments>-][<namespace>,][<id>][<payload>].
func decodeText(data []byte) (m *message, parts int, err error) {
	if len(data) == 0 || data[0] < '0' || data[0] > '0'+byte(typeBinaryAck) {
		return nil, 0, fmt.Errorf("%w: unknown type", errMessage)
	}
	m = &message{typ: messageType(data[0] - '0')}
	rest := data[1:]
	if m.typ == typeBinaryEvent || m.typ == typeBinaryAck {
		if parts, rest, err = cutAttachments(rest); err != nil {
			return nil, 0, err
		}
		m.typ -= typeBinaryEvent - typeEvent
	}
	m.namespace, rest = cutNamespace(rest)
	if rest, err = m.cutID(rest); err != nil {
		return nil, 0, err
	}
	if len(rest) > 0 {
		if err := json.Unmarshal(rest, &m.payload); err != nil {
			return nil, 0, fmt.Errorf("%w: %w", errMessage, err)
		}
	}
	if !validPayload(m, len(rest) > 0) {
		return nil, 0, fmt.Errorf("%w: the payload does not fit the type", errMessage)
	}
	return m, parts, nil
}

func cutAttachments(data []byte) (int, []byte, error) {
	digits, rest, found := bytes.Cut(data, []byte("-"))
	n, err := strconv.ParseUint(string(digits), 10, 8)
	if !found || err != nil || n > maxAttachments {
		return 0, nil, fmt.Errorf("%w: illegal number of attachments", errMessage)
	}
	return int(n), rest, nil
}

func cutNamespace(data []byte) (string, []byte) {
	if len(data) == 0 || data[0] != '/' {
		return mainNamespace, data
	}
	name, rest, _ := bytes.Cut(data, []byte(","))
	return string(name), rest
}

func (m *message) cutID(data []byte) ([]byte, error) {
	digits := data[:len(data)-len(bytes.TrimLeft(data, "0123456789"))]
	if len(digits) == 0 {
		return data, nil
	}
	id, err := strconv.ParseUint(string(digits), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("%w: the id is too large", errMessage)
	}
	m.id, m.hasID = id, true
	return data[len(digits):], nil
}
