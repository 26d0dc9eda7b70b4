package admin

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/godrain/drain/messages"
)

// secret is a token that looks the same in a query.
const secret = "0123456789abcdef"

// FuzzPanel asks for anything, as net/http would hand it over. It never panics,
// never answers 5xx but for what a probe says, always answers in full, and orders
// something only with the token, under a known name, and from no other site.
func FuzzPanel(f *testing.F) {
	bearer := "Authorization: Bearer " + secret
	for _, seed := range []struct{ line, host, headers, body string }{
		{"POST /shutdown", "127.0.0.1:9090", bearer, ""},
		{"POST /shutdown?force=0", "localhost", bearer, ""},
		{"POST /shutdown?server=http", "localhost", bearer, ""},
		{"POST /shutdown?force", "localhost", bearer + "\nSec-Fetch-Site: same-origin\nContent-Type: application/json", "{}"},
		{"POST /suspend?server=http", "[::1]:9090", bearer + "\nOrigin: http://[::1]:9090", ""},
		{"POST /resume?token=" + secret, "ops.example", bearer + "\nSec-Fetch-Site: none", ""},
		{"POST /shutdown", "evil.example", bearer + "\nOrigin: https://evil.example\nSec-Fetch-Site: cross-site", ""},
		{"POST /actions/free", "localhost", "Content-Type: text/plain", "x"},
		{"POST /actions/kept", "localhost", bearer, ""},
		{"GET /status?oldest=3&each=x", "localhost:1", "", ""},
		{"GET /status/events", "10.0.0.1", "", ""},
		{"GET /%ff/..//index.html", "localhost", "Range: bytes=0-1,2-3\nIf-None-Match: *", ""},
		{"GET /0\xff", "localhost", "", ""},
		{"GET /metrics", "localhost", "Accept: application/openmetrics-text\nAccept-Encoding: gzip, zstd", ""},
		{"HEAD /readyz", "", "", ""},
		{"CONNECT x:1", "localhost", "", ""},
		{"OPTIONS *", "localhost", "", ""},
	} {
		for setup := range uint8(4) {
			f.Add(seed.line, seed.host, seed.headers, seed.body, setup)
		}
	}
	f.Fuzz(func(t *testing.T, line, host, headers, body string, setup uint8) {
		r := parsed(line, host, headers, body)
		if r == nil {
			t.Skip() // net/http turns it away
		}
		var ran []string
		run := func(name string) func(context.Context) error {
			return func(context.Context) error { ran = append(ran, name); return nil }
		}
		var log logged
		tree := newFake(messages.Phase(setup>>2)%(messages.PhaseDone+1), server("http", messages.Counts{Open: 2, Busy: 1}))
		o := Options{Logger: log.logger(), Hosts: []string{"ops.example"}, Actions: []Action{
			{Name: "free", Open: true, Run: run("free")}, {Name: "kept", Run: run("kept")},
		}}
		if setup&1 == 0 {
			o.Token = secret
		}
		p := Handler(tree, o)
		if setup&2 != 0 {
			p = New(o) // nothing to watch yet
		}
		w := httptest.NewRecorder()
		p.ServeHTTP(w, r)

		for len(tree.calls) > 0 {
			ran = append(ran, <-tree.calls)
		}
		want := allowed(r, o.Token)
		if setup&2 != 0 && want != "free" && want != "kept" {
			want = ""
		}
		if got := strings.Join(ran, ","); got != want {
			t.Fatalf("%q ran, %q is allowed", got, want)
		}
		complete(t, w, r.Method)
		probe := r.URL.Path == "/readyz" || r.URL.Path == "/startupz"
		if w.Code >= 500 && (w.Code != http.StatusServiceUnavailable || (!probe && p.tree() != nil)) {
			t.Fatalf("%d: %s", w.Code, w.Body)
		}
		// What a client itself writes into a path or a name, it has published.
		if !strings.Contains(r.URL.Path+r.URL.Query().Get("server")+r.Host+r.Header.Get("Origin")+r.Method, secret) && strings.Contains(log.String(), secret) {
			t.Fatalf("the token is in the log: %s", log.String())
		}
		if said := header(w) + w.Body.String(); !strings.Contains(line+host, secret) && strings.Contains(said, secret) {
			t.Fatalf("the token is in the answer: %s", said)
		}
	})
}

// parsed is the request as net/http reads it, or nil. Its client has gone: a
// stream ends after its first frame.
func parsed(line, host, headers, body string) *http.Request {
	text := line + " HTTP/1.1\r\nHost: " + host + "\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n"
	for h := range strings.SplitSeq(headers, "\n") {
		if h != "" {
			text += h + "\r\n"
		}
	}
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text + "\r\n" + body)))
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return r.WithContext(ctx)
}

// allowed says, on its own, what a request may do: the name of it, or nothing.
func allowed(r *http.Request, token string) string {
	if r.Method != "POST" || !knownHost(r.Host) {
		return ""
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "same-origin", "none":
	case "":
		if origin := r.Header.Get("Origin"); origin != "" {
			if u, err := url.Parse(origin); err != nil || u.Host != r.Host {
				return ""
			}
		}
	default:
		return ""
	}
	kind, _, _ := strings.Cut(strings.ToLower(r.Header.Get("Content-Type")), ";")
	if slices.Contains([]string{"application/x-www-form-urlencoded", "multipart/form-data", "text/plain"}, strings.TrimSpace(kind)) {
		return ""
	}
	if r.URL.Path == "/actions/free" {
		return "free"
	}
	scheme, sent, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if len(token) < 16 || !strings.EqualFold(scheme, "bearer") || sent != token {
		return ""
	}
	if r.URL.Path == "/actions/kept" {
		return "kept"
	}
	q := r.URL.Query()
	force, err := strconv.ParseBool(cmp.Or(q.Get("force"), strconv.FormatBool(q.Has("force"))))
	for name := range q {
		if (name != "force" || r.URL.Path != "/shutdown") && (name != "server" || r.URL.Path == "/shutdown") || err != nil {
			return ""
		}
	}
	switch r.URL.Path {
	case "/shutdown":
		if force {
			return "force"
		}
		return "shutdown"
	case "/suspend":
		return "suspend " + q.Get("server")
	case "/resume":
		return "resume " + q.Get("server")
	}
	return ""
}

func knownHost(host string) bool {
	name := host
	if n, _, err := net.SplitHostPort(host); err == nil {
		name = n
	}
	name = strings.ToLower(strings.TrimSuffix(strings.Trim(name, "[]"), "."))
	_, err := netip.ParseAddr(name)
	return err == nil || name == "" || name == "localhost" || strings.HasSuffix(name, ".localhost") || name == "ops.example"
}

// complete looks at the whole answer.
func complete(t *testing.T, w *httptest.ResponseRecorder, method string) {
	t.Helper()
	if w.Code < 200 || w.Code > 599 {
		t.Fatalf("status %d", w.Code)
	}
	if n := w.Header().Get("Content-Length"); n != "" && n != strconv.Itoa(w.Body.Len()) && method != "HEAD" && w.Code != http.StatusNotModified {
		t.Fatalf("Content-Length is %s, the body has %d bytes", n, w.Body.Len())
	}
	if strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") && !json.Valid(w.Body.Bytes()) {
		t.Fatalf("this is no JSON: %q", w.Body)
	}
	if got := w.Header().Get("X-Content-Type-Options"); got != "nosniff" {
		t.Fatalf("X-Content-Type-Options is %q", got)
	}
	if got := w.Header().Get("Cache-Control"); got != "no-store" && w.Code < 400 { // http.FileServer takes it from its errors
		t.Fatalf("Cache-Control of a %d is %q", w.Code, got)
	}
}

func header(w *httptest.ResponseRecorder) string {
	var b strings.Builder
	_ = w.Header().Write(&b)
	return b.String()
}
