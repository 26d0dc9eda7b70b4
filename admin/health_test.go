package admin

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/godrain/drain/messages"
)

func TestProbesFollowThePhase(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		phase                messages.Phase
		live, ready, started int
	}{
		{messages.PhaseStarting, 200, 503, 503},
		{messages.PhaseServing, 200, 200, 200},
		{messages.PhaseAnnounced, 200, 503, 200},
		{messages.PhaseDraining, 200, 503, 200},
		{messages.PhaseKilling, 200, 503, 200},
		{messages.PhaseDone, 200, 503, 200},
	} {
		p := Handler(newFake(c.phase))
		for path, want := range map[string]int{"/livez": c.live, "/readyz": c.ready, "/startupz": c.started} {
			got, body := ask(t, p, "GET", path, "Host", "anything.example")
			assert.Equal(t, want, got, "%s while %s", path, c.phase)
			assert.Contains(t, body, `"phase":"`+c.phase.String()+`"`)
		}
	}
}

func TestReadinessTellsTheTimeLeft(t *testing.T) {
	t.Parallel()
	code, body := ask(t, Handler(newFake(messages.PhaseAnnounced)), "GET", "/readyz")
	require.Equal(t, 503, code)
	var got struct {
		Left  float64 `json:"left_seconds"`
		Phase string  `json:"phase"`
	}
	require.NoError(t, json.Unmarshal([]byte(body), &got))
	assert.InDelta(t, 20, got.Left, 1)
	assert.Equal(t, "announced", got.Phase)
}

func TestAFailedServerIsSeen(t *testing.T) {
	t.Parallel()
	f := newFake(messages.PhaseServing, server("http", messages.Counts{}), messages.ServerVitals{Name: "https", Failed: true})
	f.status = messages.Status{Servers: []messages.ServerStatus{{Name: "https", Phase: messages.PhaseDone, Error: "address gone"}}}
	p := Handler(f)
	code, body := ask(t, p, "GET", "/readyz")
	assert.Equal(t, 503, code)
	assert.Contains(t, body, `"failed":["https"]`)
	code, _ = ask(t, p, "OPTIONS", "/livez")
	assert.Equal(t, 200, code)
	_, body = ask(t, p, "GET", "/status", "Host", "localhost")
	assert.Contains(t, body, `"error":"address gone"`)
	_, body = ask(t, p, "GET", "/metrics", "Host", "localhost")
	assert.Contains(t, body, `drain_server_up{server="https"} 0`)
	assert.Contains(t, body, `drain_server_up{server="http"} 1`)
}

func TestBeforeATreeIsWatched(t *testing.T) {
	t.Parallel()
	p := New(Options{})
	for path, want := range map[string]int{"/livez": 200, "/readyz": 503, "/startupz": 503, "/metrics": 200, "/status": 200} {
		code, _ := ask(t, p, "GET", path, "Host", "localhost")
		assert.Equal(t, want, code, path)
	}
	p.Watch(newFake(messages.PhaseServing))
	code, _ := ask(t, p, "GET", "/readyz")
	assert.Equal(t, 200, code)
}

func TestAServerThatDoesNotAnswerIsDescribedByItsCounters(t *testing.T) {
	t.Parallel()
	f := newFake(messages.PhaseDraining, server("http", messages.Counts{Open: 5, Busy: 2}), server("https", messages.Counts{}))
	f.status = messages.Status{Reason: "test", Servers: []messages.ServerStatus{}} // nobody has
	_, body := ask(t, Handler(f), "GET", "/status", "Host", "localhost")
	var got struct {
		Silent  []string
		Servers []struct {
			Name, Phase string
			States      messages.States
		}
	}
	require.NoError(t, json.Unmarshal([]byte(body), &got))
	assert.Equal(t, []string{"http"}, got.Silent)
	assert.Equal(t, messages.States{Busy: 2, Idle: 3}, got.Servers[0].States)
	assert.Equal(t, "done", got.Servers[1].Phase, "it has drained")
}
