package socketio

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPayloadRoundTrip(t *testing.T) {
	packets := []packet{textMessage([]byte("hello")), {typ: typePing, data: []byte{}}, binaryMessage([]byte{1, 2, 3, 4})}
	body := encodePayload(packets)
	require.Equal(t, "4hello\x1e2\x1ebAQIDBA==", string(body))
	got, err := decodePayload(body)
	require.NoError(t, err)
	require.Equal(t, packets, got)
}

func TestInvalidPayloads(t *testing.T) {
	for _, body := range []string{"", "x", "7", "4a\x1e", "\x1e4a", "b!", "bAQ"} {
		_, err := decodePayload([]byte(body))
		require.ErrorIs(t, err, errPacket, "%q", body)
	}
}

// The examples of the protocol document, and the corners beside them.
func TestMessages(t *testing.T) {
	for _, c := range []struct {
		wire  string
		parts []string
		want  message
	}{
		{"0", nil, message{typ: typeConnect, namespace: "/"}},
		{`0/admin,{"sid":"oSO0"}`, nil, message{typ: typeConnect, namespace: "/admin", payload: map[string]any{"sid": "oSO0"}}},
		{`4{"message":"Not authorized"}`, nil, message{typ: typeConnectError, namespace: "/", payload: map[string]any{"message": "Not authorized"}}},
		{`2["foo"]`, nil, message{typ: typeEvent, namespace: "/", payload: []any{"foo"}}},
		{`2/admin,["bar"]`, nil, message{typ: typeEvent, namespace: "/admin", payload: []any{"bar"}}},
		{`212["foo"]`, nil, message{typ: typeEvent, namespace: "/", id: 12, hasID: true, payload: []any{"foo"}}},
		{`3/admin,13["bar"]`, nil, message{typ: typeAck, namespace: "/admin", id: 13, hasID: true, payload: []any{"bar"}}},
		{`30[]`, nil, message{typ: typeAck, namespace: "/", hasID: true, payload: []any{}}},
		{`51-["baz",{"_placeholder":true,"num":0}]`, []string{"\x01\x02"}, message{typ: typeEvent, namespace: "/", payload: []any{"baz", []byte{1, 2}}}},
		{
			`52-/admin,["baz",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`,
			[]string{"a", "b"},
			message{typ: typeEvent, namespace: "/admin", payload: []any{"baz", []byte("a"), []byte("b")}},
		},
		{`61-15["bar",{"_placeholder":true,"num":0}]`, []string{"a"}, message{typ: typeAck, namespace: "/", id: 15, hasID: true, payload: []any{"bar", []byte("a")}}},
		{"1", nil, message{typ: typeDisconnect, namespace: "/"}},
		{"1/admin,", nil, message{typ: typeDisconnect, namespace: "/admin"}},
		{`2["<&>"]`, nil, message{typ: typeEvent, namespace: "/", payload: []any{"<&>"}}},
	} {
		t.Run(c.wire, func(t *testing.T) {
			m := decodeAll(t, c.wire, c.parts)
			require.Equal(t, c.want, *m)
			body, err := encodeContent(m.payload)
			require.NoError(t, err)
			packets := encodeMessage(*m, body)
			require.Equal(t, c.wire, string(packets[0].data))
			require.Len(t, packets[1:], len(c.parts))
		})
	}
	require.Equal(t, "/custom", decodeAll(t, "0/custom", nil).namespace, "the comma may be missing")
}

func decodeAll(t *testing.T, text string, parts []string) *message {
	t.Helper()
	var d decoder
	m, err := d.add(textMessage([]byte(text)))
	require.NoError(t, err)
	for _, part := range parts {
		require.Nil(t, m, "it has to wait for its attachments")
		m, err = d.add(binaryMessage([]byte(part)))
		require.NoError(t, err)
	}
	require.NotNil(t, m)
	return m
}

func TestInvalidMessages(t *testing.T) {
	for _, wire := range []string{
		"", "a", "7", "2", "2{}", "2[]", "2[1]", "2null", `2["disconnect"]`, `2abc["a"]`, `2["a"`, `2["a"]x`,
		"0[]", `0"a"`, "0null", "1{}", `3["no id"]`, "31{}", "4", "4[]", `5["a"]`, `5x-["a"]`, `5-1-["a"]`,
		`511-["a"]`, `299999999999999999999["a"]`,
	} {
		var d decoder
		_, err := d.add(textMessage([]byte(wire)))
		require.ErrorIs(t, err, errMessage, "%q", wire)
	}
}

func TestInvalidAttachments(t *testing.T) {
	one := func(placeholder string) []packet {
		return []packet{textMessage([]byte(`51-["a",` + placeholder + `]`)), binaryMessage(nil)}
	}
	for name, packets := range map[string][]packet{
		"not announced":     {binaryMessage([]byte("a"))},
		"text in its place": {one("0")[0], textMessage([]byte(`2["a"]`))},
		"out of range":      one(`{"_placeholder":true,"num":1}`),
		"negative":          one(`{"_placeholder":true,"num":-1}`),
		"a fraction":        one(`{"_placeholder":true,"num":0.5}`),
		"used twice":        one(`{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}`),
		"no number":         one(`[{"k":{"_placeholder":true}}]`),
	} {
		t.Run(name, func(t *testing.T) {
			var d decoder
			var err error
			for _, p := range packets {
				_, err = d.add(p)
			}
			require.ErrorIs(t, err, errMessage)
		})
	}
}

func TestUnencodablePayload(t *testing.T) {
	_, err := encodeContent([]any{math.NaN()})
	require.ErrorContains(t, err, "cannot be sent")
}

// FuzzDecodePacket feeds WebSocket messages, text and then attachments, to both
// decoders. What decodes must survive the way out and in again.
func FuzzDecodePacket(f *testing.F) {
	f.Add(`42["a",1,{"b":[true,null]}]`, []byte(nil))
	f.Add(`451-/n,7["a",{"_placeholder":true,"num":0}]`, []byte{1, 2})
	f.Add(`461-7[{"_placeholder":true,"num":0}]`, []byte{})
	f.Add(`40/admin,{"token":"x"}`, []byte(nil))
	f.Add("41/admin,", []byte(nil))
	f.Add("2probe", []byte(nil))
	f.Add(`4510-["a"]`, []byte("x"))
	f.Fuzz(func(t *testing.T, text string, attachment []byte) {
		p, err := decodePacket([]byte(text), false)
		if err != nil || p.typ != typeMessage {
			return
		}
		var d decoder
		m, err := d.add(p)
		for range maxAttachments {
			if err != nil || m != nil {
				break
			}
			m, err = d.add(binaryMessage(attachment))
		}
		if err == nil && m == nil {
			t.Fatal("it waits for more attachments than are allowed")
		}
		if err == nil {
			requireRoundTrip(t, m)
		}
	})
}

func requireRoundTrip(t *testing.T, m *message) {
	body, err := encodeContent(m.payload)
	if err != nil {
		t.Fatal(err)
	}
	packets := encodeMessage(*m, body)
	if holdsPlaceholder(m) {
		return
	}
	var d decoder
	var again *message
	for _, p := range packets {
		if again, err = d.add(p); err != nil {
			t.Fatalf("%q: %v", packets[0].data, err)
		}
	}
	if !reflect.DeepEqual(m, again) {
		t.Fatalf("%#v became %#v", m, again)
	}
}

// holdsPlaceholder says that m has data that looks like a placeholder but is none:
// the protocol has no way to tell them apart.
func holdsPlaceholder(m *message) bool {
	var parts [][]byte
	plain, _ := json.Marshal(extract(m.payload, &parts))
	return strings.Count(string(plain), `_placeholder`) != len(parts)
}

// FuzzDecodePayload feeds bodies of POSTs. What decodes must survive the way out
// and in again.
func FuzzDecodePayload(f *testing.F) {
	for _, body := range []string{"4hello\x1e2\x1e4world", "4hello\x1ebAQIDBA==", "b", "1", "\x1e", "4a\x1e\x1e4b", "bAQ=\n="} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		packets, err := decodePayload(body)
		if err != nil {
			return
		}
		again, err := decodePayload(encodePayload(packets))
		if err != nil {
			t.Fatal(err)
		}
		if len(again) != len(packets) {
			t.Fatalf("%d packets became %d", len(packets), len(again))
		}
		for i := range packets {
			if string(again[i].data) != string(packets[i].data) || again[i].typ != packets[i].typ || again[i].binary != packets[i].binary {
				t.Fatalf("%#v became %#v", packets[i], again[i])
			}
		}
	})
}
