//go:build unix

package wire

import (
	"fmt"
	"net/url"
	"strings"
)

// Request renders an HTTP/1.1 request. Further header lines come without their line ends.
func Request(method string, u *url.URL, body string, header ...string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: draincheck\r\n", method, u.RequestURI(), u.Host)
	for _, line := range header {
		b.WriteString(line + "\r\n")
	}
	if body != "" || method == "POST" || method == "PUT" || method == "PATCH" {
		fmt.Fprintf(&b, "Content-Type: text/plain\r\nContent-Length: %d\r\n", len(body))
	}
	b.WriteString("\r\n" + body)
	return []byte(b.String())
}

// UploadHead renders the head of a POST whose body of so many bytes the caller writes, or doesn't.
func UploadHead(u *url.URL, size int) []byte {
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: draincheck\r\n"+
		"Content-Type: application/octet-stream\r\nContent-Length: %d\r\n\r\n", u.RequestURI(), u.Host, size)
}
