//go:build unix

package scenario

import (
	"errors"
	"io"
	"time"

	"github.com/godrain/drain/cmd/draincheck/internal/wire"
)

const (
	uploadSize  = 4 << 20
	uploadPiece = 64 << 10

	earlySettle = 100 * time.Millisecond
	earlyPause  = 200 * time.Millisecond
)

var early = &Scenario{
	Name:   "early",
	Title:  "answers given while the upload is unread",
	Needs:  needs(theEarly, "-early-url"),
	Conns:  atMost(16),
	Settle: earlySettle,
	Play: func(c *Client) {
		// Many a server cuts such answers whether it is being stopped or not: once without a signal, to know that.
		if !c.answeredEarly(func() { c.Pause(earlySettle + settleJitter/2) }) {
			c.Fail(errEarly)
			return
		}
		c.answeredEarly(c.poseForSignal)
	},
}

var errEarly = errors.New("an answer given while the upload is unread doesn't arrive whole, though nobody stops the server")

// answeredEarly uploads, strikes a pose when the answer has begun, and says whether it arrived whole.
func (c *Client) answeredEarly(pose func()) bool {
	to := c.To(c.Early)
	to.Slow = true
	conn := c.Dial(to)
	if conn == nil {
		return false
	}
	defer c.Hangup(conn)
	from := time.Now()
	if !c.send(conn, wire.UploadHead(c.Early, uploadSize), true) {
		return false
	}
	uploaded := make(chan struct{})
	go func() {
		defer close(uploaded)
		upload(conn)
	}()
	head, body, err := c.begin(conn, slowStart)
	c.MustServe(c.Early, head)
	pose()
	if err == nil {
		c.Pause(earlyPause)
		_, err = io.Copy(io.Discard, body)
	}
	c.Worked(from)
	c.judge(head, err)
	conn.Close() // the answer is there, or isn't: a client stops uploading
	<-uploaded
	return err == nil
}

// upload writes a body until the server takes no more. That it fails says nothing about the answer.
func upload(conn *wire.Conn) {
	piece := make([]byte, uploadPiece)
	for sent := 0; sent < uploadSize; sent += len(piece) {
		if _, err := conn.Write(piece); err != nil {
			return
		}
	}
}
