package socketio

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
)

// packetType is the first character of an Engine.IO packet.
type packetType byte

const (
	typeOpen packetType = iota
	typeClose
	typePing
	typePong
	typeMessage
	typeUpgrade
	typeNoop
)

// separator stands between the packets of a long-polling payload. JSON escapes
// control characters, so it never occurs in a text packet of Socket.IO.
const separator = 0x1e

// binaryPrefix marks a base64-encoded binary message in a payload.
const binaryPrefix = 'b'

var errPacket = errors.New("invalid Engine.IO packet")

// packet is one Engine.IO packet. A binary packet is always a message.
type packet struct {
	typ    packetType
	binary bool
	data   []byte
}

func textMessage(data []byte) packet   { return packet{typ: typeMessage, data: data} }
func binaryMessage(data []byte) packet { return packet{typ: typeMessage, binary: true, data: data} }

// decodePacket reads what one WebSocket message carries.
func decodePacket(data []byte, binary bool) (packet, error) {
	if binary {
		return binaryMessage(data), nil
	}
	if len(data) == 0 {
		return packet{}, fmt.Errorf("%w: it is empty", errPacket)
	}
	typ := packetType(data[0] - '0')
	if typ > typeNoop {
		return packet{}, fmt.Errorf("%w: unknown type %q", errPacket, data[0])
	}
	return packet{typ: typ, data: data[1:]}, nil
}

// decodePayload reads the body of a long-polling request: one packet or more.
func decodePayload(body []byte) ([]packet, error) {
	packets := make([]packet, 0, bytes.Count(body, []byte{separator})+1)
	for part := range bytes.SplitSeq(body, []byte{separator}) {
		p, err := decodePart(part)
		if err != nil {
			return nil, err
		}
		packets = append(packets, p)
	}
	return packets, nil
}

func decodePart(part []byte) (packet, error) {
	if len(part) == 0 || part[0] != binaryPrefix {
		return decodePacket(part, false)
	}
	data, err := base64.StdEncoding.AppendDecode(nil, part[1:])
	if err != nil {
		return packet{}, fmt.Errorf("%w: %w", errPacket, err)
	}
	return binaryMessage(data), nil
}

// encodePacket is the packet as the text of one WebSocket message, or as a part
// of a payload. A binary packet goes through here only in a payload.
func encodePacket(dst []byte, p packet) []byte {
	if p.binary {
		return base64.StdEncoding.AppendEncode(append(dst, binaryPrefix), p.data)
	}
	return append(append(dst, '0'+byte(p.typ)), p.data...)
}

// encodePayload joins packets into the body of a long-polling answer.
func encodePayload(packets []packet) []byte {
	var body []byte
	for i, p := range packets {
		if i > 0 {
			body = append(body, separator)
		}
		body = encodePacket(body, p)
	}
	return body
}
