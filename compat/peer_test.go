package compat

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

// peer is a WebSocket client of raw frames: it shares no code with any server,
// and sees what a library's client would hide.
type peer struct {
	net.Conn
	r         *bufio.Reader
	status    int
	w         chan struct{} // one writer at a time
	onClose   func()        // called at the close frame
	onMessage func()        // and at each message before it
	stop      chan struct{} // ends a flood
}

// The opcodes of RFC 6455, section 5.2, and the FIN bit.
const (
	opText   = 1
	opBinary = 2
	opClose  = 8
	opPing   = 9
	opPong   = 10
	fin      = 0x80
)

// patience bounds what a test waits for; nothing takes nearly as long.
const patience = 30 * time.Second

// handshake is a client's upgrade request (RFC 6455, section 4.1).
func handshake(host, path string, extra ...string) string {
	return "GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http://" + host + "\r\n" +
		strings.Join(append(extra, ""), "\r\n") + "\r\n"
}

// join upgrades a connection at url, ws:// or wss://.
func join(url string, extra ...string) (*peer, error) {
	p, host, path, err := connect(url, 0)
	if err != nil {
		return nil, err
	}
	return p, p.upgrade(host, path, extra...)
}

// connect opens a connection; receive is the size of its receive buffer, 0 the
// default.
func connect(url string, receive int) (p *peer, host, path string, err error) {
	scheme, rest, _ := strings.Cut(url, "://")
	host, path, _ = strings.Cut(rest, "/")
	nc, err := net.Dial("tcp", host)
	if err != nil {
		return nil, "", "", err
	}
	_ = nc.SetDeadline(time.Now().Add(patience))
	if receive > 0 {
		_ = nc.(*net.TCPConn).SetReadBuffer(receive)
	}
	if scheme == "wss" {
		nc = tls.Client(nc, &tls.Config{InsecureSkipVerify: true})
	}
	p = &peer{Conn: nc, r: bufio.NewReaderSize(nc, 4<<10), w: make(chan struct{}, 1)}
	return p, host, "/" + path, nil
}

func (p *peer) upgrade(host, path string, extra ...string) error {
	if _, err := io.WriteString(p, handshake(host, path, extra...)); err != nil {
		return err
	}
	return p.upgraded()
}

func (p *peer) upgraded() error {
	resp, err := http.ReadResponse(p.r, nil)
	if err != nil {
		return err
	}
	if p.status = resp.StatusCode; p.status != http.StatusSwitchingProtocols {
		return fmt.Errorf("status %d", p.status)
	}
	return nil
}

// send writes one masked frame; first is FIN and opcode.
func (p *peer) send(first byte, payload []byte) error {
	p.w <- struct{}{}
	defer func() { <-p.w }()
	_, err := p.Write(masked(first, payload))
	return err
}

func masked(first byte, payload []byte) []byte {
	const mask = 0x80
	frame := []byte{first}
	switch n := len(payload); {
	case n < 126:
		frame = append(frame, mask|byte(n))
	case n < 1<<16:
		frame = binary.BigEndian.AppendUint16(append(frame, mask|126), uint16(n))
	default:
		frame = binary.BigEndian.AppendUint64(append(frame, mask|127), uint64(n))
	}
	key := [4]byte{0x37, 0xfa, 0x21, 0x3d}
	frame = append(frame, key[:]...)
	at := len(frame)
	frame = append(frame, payload...)
	for i := range payload {
		frame[at+i] ^= key[i%4]
	}
	return frame
}

// frame is one that was received; the payload of a data frame is only counted.
type frame struct {
	first  byte
	length int64
	body   []byte
}

func (f frame) op() byte { return f.first & 0x0f }

// receive reads a frame; a short payload is kept.
func (p *peer) receive() (frame, error) {
	var b [8]byte
	if _, err := io.ReadFull(p.r, b[:2]); err != nil {
		return frame{}, err
	}
	f := frame{first: b[0], length: int64(b[1] & 0x7f)}
	if b[1]&0x80 != 0 {
		return f, errors.New("a masked frame from a server")
	}
	more := map[int64]int{126: 2, 127: 8}[f.length]
	if more > 0 {
		if _, err := io.ReadFull(p.r, b[:more]); err != nil {
			return f, unexpected(err)
		}
		f.length = 0
		for _, c := range b[:more] {
			f.length = f.length<<8 | int64(c)
		}
	}
	if f.length > 4096 {
		_, err := io.CopyN(io.Discard, p.r, f.length)
		return f, unexpected(err)
	}
	f.body = make([]byte, f.length)
	_, err := io.ReadFull(p.r, f.body)
	return f, unexpected(err)
}

func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// message reads one message and returns its length.
func (p *peer) message() (int64, error) {
	total := int64(0)
	for {
		f, err := p.receive()
		if err != nil {
			return total, err
		}
		switch f.op() {
		case opClose:
			return total, fmt.Errorf("a close frame (%d) instead of a message", code(f.body))
		case opPing, opPong:
			continue
		}
		total += f.length
		if f.first&fin != 0 {
			return total, nil
		}
	}
}

func code(payload []byte) int {
	if len(payload) < 2 {
		return 1005
	}
	return int(binary.BigEndian.Uint16(payload))
}

// goodbye is how a WebSocket ended, as the peer saw it.
type goodbye struct {
	code     int // 0: no close frame
	reason   string
	messages int // before it
	cut      bool
	end      error // nil for a FIN
	at       time.Time
}

func (g goodbye) String() string {
	switch {
	case g.cut:
		return "a message was cut: " + fmt.Sprint(g.end)
	case g.end != nil:
		return fmt.Sprintf("%d, then %v", g.code, g.end)
	}
	return fmt.Sprintf("%d, FIN", g.code)
}

// errTimeout is a deadline that has passed.
var errTimeout = os.ErrDeadlineExceeded

// leaveFlooding is leave for a peer that sends messages until the close frame.
func (p *peer) leaveFlooding(stopped <-chan struct{}) goodbye {
	p.onClose = func() {
		close(p.stop)
		<-stopped
	}
	return p.leave(true)
}

// leave reads until the connection ends, and answers the close frame.
func (p *peer) leave(answer bool) (g goodbye) {
	defer p.Close()
	fragments := false
	for {
		f, err := p.receive()
		switch {
		case err == io.EOF:
			g.cut = fragments
			return g
		case err != nil:
			g.end = err
			g.cut = fragments || errors.Is(err, io.ErrUnexpectedEOF)
			return g
		case f.op() == opClose:
			if g.code != 0 {
				g.end = errors.New("a second close frame")
				return g
			}
			if fragments {
				g.cut = true
			}
			g.at, g.code = time.Now(), code(f.body)
			if len(f.body) > 2 {
				g.reason = string(f.body[2:])
			}
			if p.onClose != nil {
				p.onClose()
			}
			if answer {
				if err := p.send(fin|opClose, f.body[:min(2, len(f.body))]); err != nil {
					g.end = err
					return g
				}
			}
		case g.code != 0:
			g.end = errors.New("a frame after the close frame")
			return g
		case f.op() < opClose:
			if fragments = f.first&fin == 0; !fragments {
				g.messages++
				if p.onMessage != nil {
					p.onMessage()
				}
			}
		}
	}
}
