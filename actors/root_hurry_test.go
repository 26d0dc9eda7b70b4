package actors

import (
	"context"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/godrain/drain/conns"
	"github.com/godrain/drain/messages"
)

// This file is a tree that is asked again, by somebody who has less time.

// order is sent to a tree that drains, and answered with the Report.
type order func(within time.Duration, reply chan<- messages.Report) any

func again(within time.Duration, reply chan<- messages.Report) any {
	return messages.Shutdown{Reply: reply, Deadline: time.Now().Add(within)}
}

func byForce(within time.Duration, reply chan<- messages.Report) any {
	return messages.ForceShutdown{Reply: reply, Deadline: time.Now().Add(within)}
}

func TestADeadlineMayComeNearer(t *testing.T) {
	announced := func(c *Config) { c.ReadyDelay = 30 * time.Second }
	for name, story := range map[string]struct {
		config func(*Config)
		orders []order
	}{
		"draining":            {orders: []order{again}},
		"announced":           {config: announced, orders: []order{again}},
		"killed":              {orders: []order{byForce}},
		"killed, announced":   {config: announced, orders: []order{byForce}},
		"killed, and sooner":  {orders: []order{func(_ time.Duration, reply chan<- messages.Report) any { return byForce(10*time.Second, reply) }, byForce}},
		"killed, asked again": {orders: []order{func(_ time.Duration, reply chan<- messages.Report) any { return byForce(10*time.Second, reply) }, again}},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				f, c := newFake("f"), brief()
				c.Timeout = time.Minute
				if story.config != nil {
					story.config(&c)
				}
				r := plant(t, c, Managed(f), Custom("inner", Root(c, Managed(newFake("g")))), Custom("deaf", deaf()))
				require.NoError(t, r.serving())
				receive(t, f.serving)
				r.engage(f)
				replies := []<-chan messages.Report{r.shutdown()}
				for _, order := range story.orders {
					reply := make(chan messages.Report, 1)
					r.send(order(time.Second, reply))
					replies = append(replies, reply)
				}
				report := r.report(replies[0])
				for _, reply := range replies[1:] {
					assert.Equal(t, report, r.report(reply))
				}
				assert.LessOrEqual(t, report.Took, time.Second)
				assert.GreaterOrEqual(t, report.Took, 900*time.Millisecond, "the deaf one had until then")
				assert.Equal(t, 1, report.Servers[0].Killed, report)
				require.NoError(t, report.Servers[0].Err)
				assert.Zero(t, report.Servers[1].Killed, report)
				require.NoError(t, report.Servers[1].Err)
				require.ErrorContains(t, report.Servers[2].Err, "did not say Drained")
			})
		})
	}
}

func TestADeadlineNeverMovesAway(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := brief()
		c.Timeout = time.Second
		r := plant(t, c, Custom("deaf", deaf()))
		require.NoError(t, r.serving())
		report := r.shutdown()
		r.send(again(time.Hour, nil))
		assert.Equal(t, time.Second, r.report(report).Took)
	})
}

// Nor does the least time that a kill has move it: a server says what it has cut before it.
func TestADeadlineThatHasPassedComesNoLaterThanTheOneBefore(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		f, c := newFake("f"), brief()
		c.ReadyDelay = c.Timeout - 1
		r := plant(t, c, Managed(f))
		require.NoError(t, r.serving())
		receive(t, f.serving)
		r.engage(f)
		r.send(messages.Shutdown{Deadline: time.Now().Add(leastForce)})
		time.Sleep(leastForce / 10) // the bubble's
		reply := make(chan messages.Report, 1)
		r.send(again(-time.Second, reply))
		report := r.report(reply)
		assert.Less(t, report.Took, leastForce)
		require.NoError(t, report.Servers[0].Err, report)
		assert.Len(t, report.Servers[0].Stragglers, 1, report)
	})
}

// What is told to end again may have ended by then: its handlers, in the time that is left.
func TestANearerDeadlineIsADrain(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		f, c := newFake("f"), brief()
		c.Timeout = time.Minute
		r := plant(t, c, Managed(f))
		require.NoError(t, r.serving())
		receive(t, f.serving)
		conn, client := f.connect(t)
		go func() {
			_ = conn.Serve(func(_ context.Context, c conns.RawConn) {
				_, _ = c.Read(make([]byte, 1))
				time.Sleep(10 * time.Second) // the bubble's: an answer that takes its time
			})
		}()
		_, err := client.Write([]byte("x"))
		require.NoError(t, err)
		eventually(t, func() bool { return r.gauges.Servers()["f"].Busy == 1 })
		report := r.shutdown()
		r.send(again(20*time.Second, nil))
		require.NoError(t, r.report(report).Err())
	})
}

// Who forces a tree does not wait for a child of his that answers to nothing.
func TestForceDoesNotWaitForTheDrainsDeadline(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := brief()
		c.Timeout = time.Hour
		told := 0
		r := plant(t, c, Custom("deaf", actor.PropsFromFunc(func(ctx actor.Context) {
			if _, ok := ctx.Message().(messages.ForceShutdown); ok {
				told++
			}
		})))
		require.NoError(t, r.serving())
		r.shutdown()
		report := r.report(r.force())
		assert.Equal(t, killPatience+time.Second, report.Took)
		assert.True(t, report.Forced)
		assert.Equal(t, 1, told)
	})
}
