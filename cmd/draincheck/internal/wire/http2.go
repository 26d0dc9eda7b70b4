//go:build unix

package wire

import (
	"bytes"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// H2 is a client's HTTP/2 connection. One goroutine both writes and takes in what has arrived, so that it is known what it
// had read when it opened a stream.
type H2 struct {
	conn    *Conn
	out     bytes.Buffer // frames to be sent in one write
	frames  *http2.Framer
	encoded bytes.Buffer
	encoder *hpack.Encoder
	nextID  uint32

	// Parallel is how many streams the server allows at a time.
	Parallel uint32
	// GoneAway is set once a GOAWAY has come: no further stream may be opened.
	GoneAway bool
	// LastID is that of the last GOAWAY so far: streams beyond it were not processed.
	LastID uint32
}

// StreamEnd is what became of a stream.
type StreamEnd uint8

const (
	// StreamGoesOn is a stream that isn't over.
	StreamGoesOn StreamEnd = iota
	// StreamComplete is one whose response has arrived in full.
	StreamComplete
	// StreamRefused was not processed: RST_STREAM with REFUSED_STREAM.
	StreamRefused
	// StreamReset was broken off by the server.
	StreamReset
)

// Event is something that happened on a stream; its Stream is 0 if it concerned none.
type Event struct {
	Stream uint32
	Status int // of the response, if its header has come with this event
	End    StreamEnd
}

const hugeWindow = 1 << 30 // what a test's responses don't exhaust

// NewH2 sends the preface.
func NewH2(c *Conn) (*H2, error) {
	h := &H2{conn: c, nextID: 1, Parallel: math.MaxUint32}
	h.frames = http2.NewFramer(&h.out, c.in)
	h.frames.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	h.encoder = hpack.NewEncoder(&h.encoded)
	h.out.WriteString(http2.ClientPreface)
	h.frames.WriteSettings(http2.Setting{ID: http2.SettingEnablePush, Val: 0},
		http2.Setting{ID: http2.SettingInitialWindowSize, Val: hugeWindow})
	h.frames.WriteWindowUpdate(0, hugeWindow)
	_, err := h.flush(false)
	return h, err
}

func (h *H2) flush(careful bool) (written bool, err error) {
	written, err = h.conn.Send(h.out.Bytes(), careful)
	h.out.Reset()
	return written, err
}

// Open sends a request on a new stream, unless the connection's end has arrived.
func (h *H2) Open(method string, u *url.URL, body string) (id uint32, written bool) {
	id = h.nextID
	h.nextID += 2
	h.encoded.Reset()
	for _, f := range [][2]string{
		{":method", method},
		{":scheme", strings.Replace(u.Scheme, "ws", "http", 1)},
		{":authority", u.Host},
		{":path", u.RequestURI()},
		{"user-agent", "draincheck"},
	} {
		h.encoder.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
	}
	if body != "" {
		h.encoder.WriteField(hpack.HeaderField{Name: "content-length", Value: strconv.Itoa(len(body))})
	}
	h.frames.WriteHeaders(http2.HeadersFrameParam{
		StreamID: id, BlockFragment: h.encoded.Bytes(), EndHeaders: true, EndStream: body == "",
	})
	if body != "" {
		h.frames.WriteData(id, true, []byte(body))
	}
	written, _ = h.flush(true)
	return id, written
}

// Next takes in one frame that has arrived, and answers it where it must be answered.
func (h *H2) Next() (Event, error) {
	frame, err := h.frames.ReadFrame()
	if err != nil {
		return Event{}, breakOf(err, false)
	}
	ev := Event{}
	switch f := frame.(type) {
	case *http2.MetaHeadersFrame:
		ev.Stream = f.StreamID
		if ev.Status, err = strconv.Atoi(f.PseudoValue("status")); err != nil && f.PseudoValue("status") != "" {
			return ev, &Break{How: Garbled, Err: fmt.Errorf("HTTP/2 status %q", f.PseudoValue("status"))}
		}
		ev.End = endIf(f.StreamEnded())
	case *http2.DataFrame:
		ev.Stream, ev.End = f.StreamID, endIf(f.StreamEnded())
	case *http2.RSTStreamFrame:
		ev.Stream, ev.End = f.StreamID, StreamReset
		if f.ErrCode == http2.ErrCodeRefusedStream {
			ev.End = StreamRefused
		}
	case *http2.GoAwayFrame:
		h.GoneAway, h.LastID = true, f.LastStreamID
	case *http2.PingFrame:
		if !f.IsAck() {
			h.frames.WritePing(true, f.Data)
			h.flush(false) // that it fails shows when the next frame is read
		}
	case *http2.SettingsFrame:
		if n, ok := f.Value(http2.SettingMaxConcurrentStreams); ok {
			h.Parallel = n
		}
		if !f.IsAck() {
			h.frames.WriteSettingsAck()
			h.flush(false)
		}
	}
	return ev, nil
}

func endIf(over bool) StreamEnd {
	if over {
		return StreamComplete
	}
	return StreamGoesOn
}
