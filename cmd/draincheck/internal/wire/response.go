//go:build unix

package wire

import (
	"fmt"
	"io"
	"net/http/httputil"
	"net/textproto"
	"strconv"
	"strings"
)

// Head is a response's status line and header.
type Head struct {
	Status  int
	Header  textproto.MIMEHeader
	Close   bool  // the server said that it closes after this response
	Length  int64 // -1: until the last chunk, or the connection's end
	Chunked bool
}

// ReadHead reads a response's head; interim ones (1xx but 101) are passed over. The error is a *Break.
func (c *Conn) ReadHead() (*Head, error) {
	if _, err := c.in.Peek(1); err != nil {
		return nil, breakOf(err, false)
	}
	for {
		h, err := c.readHead()
		if err != nil {
			return nil, breakOf(err, true)
		}
		if h.Status >= 200 || h.Status == 101 {
			return h, nil
		}
	}
}

func (c *Conn) readHead() (*Head, error) {
	line, err := c.readLine()
	if err != nil {
		return nil, err
	}
	proto, rest, _ := strings.Cut(line, " ")
	code, _, _ := strings.Cut(rest, " ")
	status, err := strconv.Atoi(code)
	if err != nil || !strings.HasPrefix(proto, "HTTP/1.") || status < 100 || status > 999 {
		return nil, fmt.Errorf("not an HTTP/1 response: %.40q", line)
	}
	header, err := c.readHeader()
	if err != nil {
		return nil, err
	}
	h := &Head{Status: status, Header: header, Length: -1}
	h.Close = proto == "HTTP/1.0" && !hasToken(header["Connection"], "keep-alive") || hasToken(header["Connection"], "close")
	switch {
	case status < 200 || status == 204 || status == 304:
		h.Length = 0
	case hasToken(header["Transfer-Encoding"], "chunked"):
		h.Chunked = true
	case header.Get("Content-Length") != "":
		if h.Length, err = strconv.ParseInt(header.Get("Content-Length"), 10, 64); err != nil || h.Length < 0 {
			return nil, fmt.Errorf("bad Content-Length %q", header.Get("Content-Length"))
		}
	default:
		h.Close = true // only the connection's end can end this body
	}
	return h, nil
}

func hasToken(values []string, token string) bool {
	for _, v := range values {
		for _, t := range strings.Split(v, ",") {
			if strings.EqualFold(strings.TrimSpace(t), token) {
				return true
			}
		}
	}
	return false
}

// Body returns the reader of a response's body. It returns io.EOF only at the end of a complete body, else a *Break.
func (c *Conn) Body(h *Head) io.Reader {
	switch {
	case h.Chunked:
		return &body{r: httputil.NewChunkedReader(c.in), trailer: c}
	case h.Length >= 0:
		return &body{r: &exactly{r: c.in, left: h.Length}}
	}
	return &body{r: c.in}
}

type body struct {
	r       io.Reader
	trailer *Conn // a chunked body's trailer is still to be read
	err     error
}

func (b *body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.r.Read(p)
	if err == io.EOF && b.trailer != nil {
		err = b.trailer.readTrailer()
	}
	if err != nil && err != io.EOF {
		err = breakOf(err, true)
	}
	b.err = err
	return n, err
}

func (c *Conn) readTrailer() error {
	_, err := c.readHeader()
	switch err {
	case nil:
		return io.EOF
	case io.EOF:
		return io.ErrUnexpectedEOF
	}
	return err
}

const maxHeaderLines = 1000

// readHeader reads header lines up to the empty one.
func (c *Conn) readHeader() (textproto.MIMEHeader, error) {
	header := make(textproto.MIMEHeader)
	for range maxHeaderLines {
		line, err := c.readLine()
		if err != nil || line == "" {
			return header, err
		}
		key, value, found := strings.Cut(line, ":")
		if !found {
			return nil, fmt.Errorf("not a header line: %.40q", line)
		}
		header.Add(key, strings.TrimSpace(value))
	}
	return nil, fmt.Errorf("more than %d header lines", maxHeaderLines)
}

// readLine reads a line that has its end: textproto would take a line that was cut for a whole one.
func (c *Conn) readLine() (string, error) {
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return "", err
	}
	return strings.TrimRight(string(line), "\r\n"), nil
}

// exactly reads so many bytes, and calls fewer an unexpected end.
type exactly struct {
	r    io.Reader
	left int64
}

func (e *exactly) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n, err := e.r.Read(p[:min(int64(len(p)), e.left)])
	e.left -= int64(n)
	if err == io.EOF && e.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// ReadResponse reads a whole response and throws its body away.
func (c *Conn) ReadResponse() (*Head, error) {
	h, err := c.ReadHead()
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(io.Discard, c.Body(h)); err != nil {
		return h, err
	}
	return h, nil
}
