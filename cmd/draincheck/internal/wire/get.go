//go:build unix

package wire

import (
	"context"
	"io"
	"net/url"
)

const maxGet = 64 << 10

// Get fetches something small on a connection of its own.
func Get(ctx context.Context, u *url.URL) (status int, body string, err error) {
	d := Dialler{Addr: Address(u)}
	if Secure(u) {
		d.TLS = Trusting(u, "http/1.1")
	}
	c, err := d.Dial(ctx)
	if err != nil {
		return 0, "", err
	}
	defer c.Close()
	if _, err := c.Write(Request("GET", u, "", "Connection: close")); err != nil {
		return 0, "", err
	}
	h, err := c.ReadHead()
	if err != nil {
		return 0, "", err
	}
	text, err := io.ReadAll(io.LimitReader(c.Body(h), maxGet))
	return h.Status, string(text), err
}
