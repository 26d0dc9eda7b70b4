package servers_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/godrain/drain"
	"github.com/godrain/drain/actors"
	"github.com/godrain/drain/conns"
	"github.com/godrain/drain/servers"
)

// A configuration file names adapters; code gives the handlers.
func TestNewServesWhatAConfigurationNames(t *testing.T) {
	var specs []servers.Spec
	require.NoError(t, json.Unmarshal([]byte(`[
		{"adapter": "http", "name": "web", "addr": "127.0.0.1:0", "idle_grace": "50ms",
		 "options": {"read_header_timeout": "3s"}},
		{"adapter": "tcp", "name": "lines", "addr": "127.0.0.1:0", "idle_grace": "50ms", "max_conns": 10}
	]`), &specs))
	specs[0].Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })
	specs[1].Handler = shout
	var list []drain.Server
	for _, spec := range specs {
		s, err := servers.New(spec)
		require.NoError(t, err)
		list = append(list, s)
	}
	tr := grow(t, drain.Config{Timeout: 5 * time.Second}, list...)
	resp, err := http.Get("http://" + tr.addr("web"))
	require.NoError(t, err)
	_ = resp.Body.Close()
	l := dialLine(t, "tcp", tr.addr("lines"))
	l.send("a\n")
	l.expect("A\n")
	_ = l.Close()
	http.DefaultClient.CloseIdleConnections()
	require.NoError(t, tr.drained().Err())
}

func TestAConfigurationCanSayEverySetting(t *testing.T) {
	var spec servers.Spec
	require.NoError(t, json.Unmarshal([]byte(`{
		"idle_grace": "1s", "close_timeout": "2s", "linger": "3s", "no_farewell": true,
		"close_code": 1012, "close_reason": "restart", "spread": {"batch": 4, "interval": "5s", "jitter": 0.6}
	}`), &spec))
	settings := spec.Settings()
	require.Equal(t, conns.Settings{
		IdleGrace: time.Second, CloseTimeout: 2 * time.Second, Linger: 3 * time.Second, NoFarewell: true,
		CloseCode: 1012, CloseReason: "restart", Spread: conns.Spread{Batch: 4, Interval: 5 * time.Second, Jitter: 0.6},
	}, settings)
	for field, v := range reflect.ValueOf(settings).Fields() {
		require.False(t, v.IsZero(), "a Spec cannot say %s", field.Name)
	}
	text, err := json.Marshal(servers.Spec{Adapter: "http"})
	require.NoError(t, err)
	require.JSONEq(t, `{"adapter": "http"}`, string(text))
}

func TestTwoOfAConfigurationShareAPort(t *testing.T) {
	spec := servers.Spec{Adapter: "http", Addr: "127.0.0.1:0", Options: json.RawMessage(`{"reuse_port": true}`)}
	for _, name := range []string{"first", "second"} {
		spec.Name = name
		s, err := servers.New(spec)
		require.NoError(t, err)
		spec.Addr = grow(t, drain.Config{Timeout: 5 * time.Second}, s).addr(name)
	}
}

func TestRegisterAndNewSayWhatIsWrong(t *testing.T) {
	name := fmt.Sprint("mine-", time.Now().UnixNano())
	mine := func(servers.Spec) (actors.Server, error) { return nil, errors.New("not today") }
	require.NoError(t, servers.Register(name, mine))
	nothing := name + "-nothing"
	require.NoError(t, servers.Register(nothing, func(servers.Spec) (actors.Server, error) { return nil, nil }))

	err := servers.Register(name, mine)
	require.ErrorIs(t, err, servers.ErrAdapterExists)
	require.ErrorContains(t, err, "there are: http, https, mine-")
	require.ErrorIs(t, servers.Register("http", mine), servers.ErrAdapterExists)
	require.Error(t, servers.Register("", mine))
	require.Error(t, servers.Register("nil", nil))
	require.Subset(t, servers.Adapters(), []string{"http", "https", name, "tcp"})

	for _, c := range []struct {
		spec servers.Spec
		want string
	}{
		{servers.Spec{Adapter: "smtp"}, "there are: http, https, mine-"},
		{servers.Spec{}, "there are: http, https, mine-"},
		{servers.Spec{Adapter: name}, "not today"},
		{servers.Spec{Adapter: "http", Handler: 1}, "int"},
		{servers.Spec{Adapter: "https"}, "cert_file"},
		{servers.Spec{Adapter: "tcp"}, "TCPHandler"},
		{servers.Spec{Adapter: "tcp", Handler: shout, CertFile: "none"}, "go together"},
		{servers.Spec{Adapter: "tcp", Handler: shout, CertFile: "none", KeyFile: "none"}, "none"},
		{servers.Spec{Adapter: nothing}, "neither a server nor an error"},
		{servers.Spec{Adapter: "http", Options: json.RawMessage(`{"read_timout": "1s"}`)}, "read_timout"},
	} {
		_, err := servers.New(c.spec)
		require.ErrorContains(t, err, c.want)
		require.True(t, strings.HasPrefix(err.Error(), "drain: servers.New("), err)
	}
	_, err = servers.New(servers.Spec{Adapter: "smtp"})
	require.ErrorIs(t, err, servers.ErrUnknownAdapter)

	var spec servers.Spec
	require.Error(t, json.Unmarshal([]byte(`{"linger": "soon"}`), &spec))
}
