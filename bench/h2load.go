package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// multiplexed is an HTTP/2 client with one stream at a time, whose header block is
// encoded once.
type multiplexed struct {
	io.Closer
	framer *http2.Framer
	out    *bufio.Writer
	block  []byte
	stream uint32
	data   uint32 // received since the window was last opened
}

func dialH2(addr string) (client, error) {
	nc, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	if err != nil {
		return nil, err
	}
	if _, err := io.WriteString(nc, http2.ClientPreface); err != nil {
		return nil, err
	}
	c := &multiplexed{Closer: nc, out: bufio.NewWriter(nc), stream: 1}
	c.framer = http2.NewFramer(c.out, bufio.NewReader(nc))
	c.framer.SetReuseFrames()
	var block bytes.Buffer
	e := hpack.NewEncoder(&block)
	e.SetMaxDynamicTableSize(0) // so that the block is the same each time
	for _, f := range [][2]string{{":method", "GET"}, {":scheme", "https"}, {":path", "/hello"}, {":authority", "bench"}, {"user-agent", "bench"}} {
		_ = e.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
	}
	c.block = block.Bytes()
	return c, errors.Join(c.framer.WriteSettings(), c.out.Flush())
}

func (c *multiplexed) round() error {
	id := c.stream
	c.stream += 2
	if c.data > 30_000 {
		_ = c.framer.WriteWindowUpdate(0, c.data)
		c.data = 0
	}
	if err := c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: c.block, EndHeaders: true, EndStream: true}); err != nil {
		return err
	}
	if err := c.out.Flush(); err != nil {
		return err
	}
	for {
		f, err := c.framer.ReadFrame()
		if err != nil {
			return err
		}
		switch f := f.(type) {
		case *http2.SettingsFrame:
			if !f.IsAck() {
				_ = c.framer.WriteSettingsAck()
			}
		case *http2.PingFrame:
			_ = c.framer.WritePing(true, f.Data)
		case *http2.GoAwayFrame, *http2.RSTStreamFrame:
			return fmt.Errorf("refused: %v", f)
		case *http2.DataFrame:
			c.data += uint32(f.Header().Length)
			if f.StreamEnded() {
				return nil
			}
		}
	}
}
