//go:build unix

package scenario

import (
	"io"
	"time"
)

const (
	sipEvery   = 50 * time.Millisecond
	firstSip   = 256 << 10
	sipsPerSet = 10 // after so many, they double: nobody needs a minute, however much there is
)

// slowReader reads in sips, with a pause before each: 7 MB take a second, 75 MB two and a half. It goes on over the frames of
// a message as over one body.
type slowReader struct {
	*Client
	left, size int64
	sips       int
}

func (c *Client) slowly() *slowReader { return &slowReader{Client: c, size: firstSip} }

// drain reads to the end of r.
func (s *slowReader) drain(r io.Reader) error {
	for {
		if s.left <= 0 {
			s.Pause(sipEvery)
			if s.sips++; s.sips%sipsPerSet == 0 {
				s.size *= 2
			}
			s.left = s.size
		}
		n, err := io.CopyN(io.Discard, r, s.left)
		s.left -= n
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
