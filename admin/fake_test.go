package admin

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/godrain/drain/messages"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a tree of which a test says everything.
type fake struct {
	vitals atomic.Pointer[messages.Vitals]
	status messages.Status
	report messages.Report
	done   chan struct{}
	calls  chan string
	fails  error // what Suspend says
}

func newFake(phase messages.Phase, servers ...messages.ServerVitals) *fake {
	f := &fake{done: make(chan struct{}), calls: make(chan string, 10)}
	f.is(phase, servers...)
	return f
}

func (f *fake) is(phase messages.Phase, servers ...messages.ServerVitals) {
	v := messages.Vitals{Phase: phase, Servers: servers, Entered: map[messages.Phase]time.Time{}}
	for p := messages.PhaseServing; p <= phase; p++ {
		v.Entered[p] = time.Now().Add(time.Duration(p-phase) * time.Second)
	}
	if phase > messages.PhaseServing {
		v.Deadline = time.Now().Add(20 * time.Second)
	}
	f.vitals.Store(&v)
}

func (f *fake) Vitals() messages.Vitals { return *f.vitals.Load() }

func (f *fake) Inspect(context.Context, messages.GetStatus) (messages.Status, error) {
	st := f.status
	st.Phase = f.Vitals().Phase
	return st, nil
}

func (f *fake) Shutdown(context.Context) (messages.Report, error) {
	f.calls <- "shutdown"
	return messages.Report{}, nil
}

func (f *fake) ForceShutdown(context.Context) (messages.Report, error) {
	f.calls <- "force"
	return messages.Report{}, nil
}

func (f *fake) Suspend(_ context.Context, name string) error {
	f.calls <- "suspend " + name
	return f.fails
}

func (f *fake) Resume(_ context.Context, name string) error {
	f.calls <- "resume " + name
	return nil
}
func (f *fake) Done() <-chan struct{}          { return f.done }
func (f *fake) Wait() (messages.Report, error) { <-f.done; return f.report, f.report.Err() }

// logged is a log that a test reads.
type logged struct{ strings.Builder }

func (l *logged) logger() *slog.Logger { return slog.New(slog.NewTextHandler(&l.Builder, nil)) }

// ask sends one request straight to the panel.
func ask(t *testing.T, p http.Handler, method, target string, header ...string) (int, string) {
	t.Helper()
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
			continue
		}
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	body, err := io.ReadAll(w.Body)
	require.NoError(t, err)
	return w.Code, string(body)
}
