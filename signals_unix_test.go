//go:build unix

package drain_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/godrain/drain"
	"github.com/godrain/drain/servers"
)

func raise(t *testing.T, s syscall.Signal) { require.NoError(t, syscall.Kill(os.Getpid(), s)) }

func local() drain.Server {
	return servers.HTTP(&http.Server{Addr: "127.0.0.1:0", Handler: http.NotFoundHandler()})
}

// The second delivery of a signal comes when the drain is over, which took no time: its
// own effect would be the end of this process.
func TestP10_ASignalIsOneHoweverSoonTheDrainIsOver(t *testing.T) {
	const gap = time.Minute // a second of which is kept when the drain is over
	c := drain.Config{Signals: []os.Signal{syscall.SIGUSR1}, SignalGap: gap, Logger: slog.New(slog.DiscardHandler)}
	h, err := c.Start(context.Background(), local())
	require.NoError(t, err)
	raise(t, syscall.SIGUSR1)
	report, err := h.Wait()
	require.NoError(t, err)
	assert.Equal(t, "signal: user defined signal 1", report.Reason)
	raise(t, syscall.SIGUSR1)
}

func TestP10_ASignalRightAfterTheStartIsHeard(t *testing.T) {
	for range 50 {
		c := drain.Config{Signals: []os.Signal{syscall.SIGUSR2}, SignalGap: -1, Logger: slog.New(slog.DiscardHandler)}
		h, err := c.Start(context.Background(), local())
		require.NoError(t, err)
		raise(t, syscall.SIGUSR2)
		_, err = h.Wait()
		require.NoError(t, err)
	}
}

// A process that ends when Run returns has logged how its drain went.
func TestTheLastLineIsWrittenBeforeRunReturns(t *testing.T) {
	for range 50 {
		var log lines
		ctx, cancel := context.WithCancel(context.Background())
		h, err := drain.Config{Logger: slog.New(slog.NewTextHandler(&log, nil)), Signals: []os.Signal{}}.Start(ctx, local())
		require.NoError(t, err)
		cancel()
		_, err = h.Wait()
		require.NoError(t, err)
		require.Contains(t, log.String(), "drain: finished")
	}
}

// A log that blocks does not keep Run from returning.
func TestALogThatBlocksHoldsNobodyUp(t *testing.T) {
	var log lines
	h, err := drain.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))}.Start(context.Background(), local())
	require.NoError(t, err)
	log.mu.Lock()
	defer log.mu.Unlock()
	began := time.Now()
	_, err = h.Shutdown(context.Background())
	require.NoError(t, err)
	assert.Less(t, time.Since(began), time.Second)
}

// lines is a log that may be read while it is written.
type lines struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}
