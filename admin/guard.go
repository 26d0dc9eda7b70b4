package admin

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// minToken is the least number of bytes of a token.
const minToken = 16

// known refuses a request under a name that is not ours: a page on evil.example
// whose name has been rebound to this address is same-origin with us, and only
// the Host gives it away. An address cannot be rebound.
func (p *Panel) known(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !p.hostAllowed(r.Host) {
			p.log.Warn("admin: refused", "what", r.Method+" "+r.URL.Path, "peer", r.RemoteAddr, "why", "unknown host", "host", r.Host)
			http.Error(w, "admin: this name is not known here; add it to admin.Options.Hosts", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (p *Panel) hostAllowed(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	return host == "" || host == "localhost" || strings.HasSuffix(host, ".localhost") ||
		slices.ContainsFunc(p.options.Hosts, func(h string) bool { return h == "*" || strings.EqualFold(h, host) })
}

var crossOrigin = http.NewCrossOriginProtection()

// sameSite refuses what another site's page can make a browser send. The token
// alone would do; this holds even for an action that needs none, and for a token
// that some proxy adds.
func (p *Panel) sameSite(r *http.Request) error {
	if !p.hostAllowed(r.Host) {
		return errors.New("unknown host")
	}
	if err := crossOrigin.Check(r); err != nil {
		return errors.New("another site's page")
	}
	switch kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind {
	case "application/x-www-form-urlencoded", "multipart/form-data", "text/plain":
		return errors.New("a form")
	}
	return nil
}

// authorised compares in constant time, whatever the lengths.
func (p *Panel) authorised(r *http.Request) error {
	if p.options.Token == "" {
		return errors.New("orders are switched off")
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	got, want := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(p.options.Token))
	if subtle.ConstantTimeCompare(got[:], want[:]) != 1 || !strings.EqualFold(scheme, "Bearer") {
		return errors.New("no token, or a wrong one")
	}
	return nil
}

// refuse answers everyone who may not: the same to all, the reason is in the log.
func (p *Panel) refuse(w http.ResponseWriter, r *http.Request, why error) {
	p.log.Warn("admin: refused", "what", r.Method+" "+r.URL.Path, "peer", r.RemoteAddr, "why", why.Error(),
		"host", r.Host, "origin", r.Header.Get("Origin"))
	w.Header().Set("WWW-Authenticate", `Bearer realm="drain"`)
	http.Error(w, "admin: not allowed; the log says why", http.StatusUnauthorized)
}
