package socketio

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// chatCases are those of the Socket.IO suite that go beyond the transport.
var chatCases = []protocolCase{
	{"connect/main namespace", Options{}, joins("40", "40", `42["auth",{}]`)},
	{"connect/main namespace with a payload", Options{}, joins(`40{"token":"123"}`, "40", `42["auth",{"token":"123"}]`)},
	{"connect/custom namespace", Options{}, joins("40/custom,", "40/custom,", `42/custom,["auth",{}]`)},
	{"connect/custom namespace with a payload", Options{}, joins(`40/custom,{"token":"abc"}`, "40/custom,", `42/custom,["auth",{"token":"abc"}]`)},
	{"connect/unknown namespace", Options{}, func(p *peer) {
		k := p.dial("")
		k.hear()
		k.say("40/random").want(`44/random,{"message":"Invalid namespace"}`)
	}},
	{"connect/invalid handshake closes", Options{}, func(p *peer) {
		k := p.dial("")
		k.hear()
		k.say("4abc").wantClose()
	}},
	{"connect/no handshake closes", Options{ConnectTimeout: 20 * time.Millisecond}, func(p *peer) {
		p.dial("").wantClose()
	}},
	{"disconnect/main namespace", quickPing, func(p *peer) {
		k := p.dial("")
		k.hear()
		k.say("40", "41")
		for k.hear() != "2" { // the session lives on
		}
	}},
	{"disconnect/custom namespace", Options{}, func(p *peer) {
		k := p.joinSocket()
		k.say("40/custom")
		k.hear()
		k.want(`42/custom,["auth",{}]`)
		k.say("41/custom", `42["message","message to main namespace"]`)
		k.want(`42["message-back","message to main namespace"]`)
	}},
	{"message/text", Options{}, answers(`42["message",1,"2",{"3":[true]}]`, `42["message-back",1,"2",{"3":[true]}]`)},
	{"message/binary", Options{}, answersBinary(`452-["message",`, `452-["message-back",`)},
	{"message/text with an ack", Options{}, answers(`42456["message-with-ack",1,"2",{"3":[false]}]`, `43456[1,"2",{"3":[false]}]`)},
	{"message/binary with an ack", Options{}, answersBinary(`452-789["message-with-ack",`, `462-789[`)},
	{"message/unknown type closes", Options{}, closes("4abc")},
	{"message/invalid payload closes", Options{}, closes("42{}")},
	{"message/invalid ack id closes", Options{}, closes(`42abc["message-with-ack",1,"2",{"3":[false]}]`)},
}

func joins(say, prefix, greeting string) func(*peer) {
	return func(p *peer) {
		k := p.dial("")
		k.hear()
		answer := k.say(say).hear()
		var data map[string]any
		require.NoError(p, json.Unmarshal([]byte(strings.TrimPrefix(answer, prefix)), &data), answer)
		require.Len(p, data, 1)
		require.NotEmpty(p, data["sid"])
		k.want(greeting)
	}
}

func answers(say, want string) func(*peer) {
	return func(p *peer) { p.joinSocket().say(say).want(want) }
}

const twoPlaceholders = `{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`

func answersBinary(say, want string) func(*peer) {
	return func(p *peer) {
		k := p.joinSocket().say(say + twoPlaceholders)
		k.sayBinary([]byte{1, 2, 3}, []byte{4, 5, 6})
		k.want(want + twoPlaceholders)
		k.wantBinary([]byte{1, 2, 3})
		k.wantBinary([]byte{4, 5, 6})
	}
}

func closes(say string) func(*peer) {
	return func(p *peer) {
		require.Equal(p, 1002, p.joinSocket().say(say).wantClose())
	}
}

func TestSocketIOProtocol(t *testing.T) {
	cases := slices.Concat(transportCases, chatCases)
	require.Len(t, cases, 32)
	runCases(t, cases, newChatPeer)
}
