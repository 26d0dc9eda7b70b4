package admin

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/godrain/drain/messages"
)

const token = "correct horse battery staple"

func TestOrdersNeedTheToken(t *testing.T) {
	t.Parallel()
	bearer := "Bearer " + token
	for name, header := range map[string][]string{
		"none":                        {},
		"another":                     {"Authorization", "Bearer correct horse battery stapler"},
		"a prefix of it":              {"Authorization", "Bearer correct"},
		"another scheme":              {"Authorization", "Basic " + token},
		"in the query alone":          {},
		"another site's page":         {"Authorization", bearer, "Sec-Fetch-Site", "cross-site"},
		"a sibling site's page":       {"Authorization", bearer, "Sec-Fetch-Site", "same-site"},
		"another origin, old browser": {"Authorization", bearer, "Origin", "https://evil.example"},
		"no origin at all":            {"Authorization", bearer, "Origin", "null"},
		"a form":                      {"Authorization", bearer, "Content-Type", "application/x-www-form-urlencoded"},
		"a form with files":           {"Authorization", bearer, "Content-Type", "multipart/form-data; boundary=x"},
		"a form as text":              {"Authorization", bearer, "Content-Type", "text/plain;charset=utf-8"},
		"a rebound name":              {"Authorization", bearer, "Host", "rebound.example:9090"},
	} {
		for _, path := range []string{"/shutdown", "/shutdown?force", "/suspend", "/resume", "/shutdown?token=" + "correct"} {
			var log logged
			f := newFake(messages.PhaseServing)
			p := Handler(f, Options{Token: token, Logger: log.logger()})
			if !contains(header, "Host") {
				header = append(header, "Host", "127.0.0.1:9090")
			}
			code, _ := ask(t, p, "POST", path, header...)
			assert.Equal(t, 401, code, "%s: %s", name, path)
			assert.Empty(t, f.calls, "%s: %s", name, path)
			assert.Contains(t, log.String(), "refused", name)
			assert.NotContains(t, log.String(), token)
		}
	}
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

func TestOrdersWithTheToken(t *testing.T) {
	t.Parallel()
	f := newFake(messages.PhaseServing)
	p := Handler(f, Options{Token: token, Logger: new(logged).logger()})
	for path, call := range map[string]string{
		"/shutdown": "shutdown", "/shutdown?force": "force", "/shutdown?force=true": "force", "/shutdown?force=0": "shutdown",
		"/suspend?server=http": "suspend http", "/resume": "resume ",
	} {
		code, body := ask(t, p, "POST", path, "Host", "127.0.0.1:9090", "Authorization", "Bearer "+token,
			"Sec-Fetch-Site", "same-origin", "Origin", "http://127.0.0.1:9090")
		assert.Equal(t, 202, code, body)
		assert.Equal(t, call, <-f.calls)
	}
	code, _ := ask(t, p, "GET", "/shutdown", "Host", "localhost", "Authorization", "Bearer "+token)
	assert.NotEqual(t, 202, code, "a link must not shut down")
	assert.Empty(t, f.calls)
}

func TestWhatIsNoOrderIsNotGuessed(t *testing.T) {
	t.Parallel()
	var log logged
	f := newFake(messages.PhaseServing)
	p := Handler(f, Options{Token: token, Logger: log.logger()})
	for path, says := range map[string]string{
		"/shutdown?server=http":    `no parameter "server"`,
		"/shutdown?forced":         `no parameter "forced"`,
		"/shutdown?force=perhaps":  `force="perhaps"`,
		"/suspend?name=http":       `there are: server`,
		"/suspend?server=a&server": `server is given 2 times`,
		"/suspend?server=h&force=": `no parameter "force"`,
	} {
		code, body := ask(t, p, "POST", path, "Host", "localhost", "Authorization", "Bearer "+token)
		assert.Equal(t, 400, code, path)
		assert.Contains(t, body, says)
	}
	assert.Empty(t, f.calls)
	f.fails = errors.New("there is no such server")
	code, _ := ask(t, p, "POST", "/suspend?server=http", "Host", "localhost", "Authorization", "Bearer "+token)
	assert.Equal(t, 409, code)
	assert.Contains(t, log.String(), "the order failed")
}

func TestOrdersAreOffByDefault(t *testing.T) {
	t.Parallel()
	for _, o := range []Options{{}, {Token: "short"}} {
		var log logged
		o.Logger = log.logger()
		f := newFake(messages.PhaseServing)
		for _, sent := range []string{"Bearer ", "Bearer short", ""} {
			code, _ := ask(t, Handler(f, o), "POST", "/shutdown", "Host", "localhost", "Authorization", sent)
			assert.Equal(t, 401, code)
		}
		assert.Empty(t, f.calls)
		assert.Contains(t, log.String(), "switched off")
	}
}

func TestReboundNamesReadNothing(t *testing.T) {
	t.Parallel()
	p := Handler(newFake(messages.PhaseServing), Options{Hosts: []string{"ops.example"}, Logger: new(logged).logger()})
	for host, want := range map[string]int{
		"127.0.0.1:9090": 200, "[::1]:9090": 200, "10.1.2.3": 200, "localhost:9090": 200, "LOCALHOST.": 200,
		"ops.example": 200, "OPS.example:443": 200, "drain.localhost": 200,
		"evil.example": 403, "127.0.0.1.evil.example": 403, "ops.example.evil": 403, "localhost.evil.example:9090": 403,
	} {
		for _, path := range []string{"/", "/status", "/metrics"} {
			code, _ := ask(t, p, "GET", path, "Host", host)
			assert.Equal(t, want, code, "%s %s", host, path)
		}
	}
}
