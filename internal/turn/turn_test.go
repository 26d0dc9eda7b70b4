package turn_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/godrain/drain/internal/turn"
)

// What is written in a turn needs no other protection, and everyone gets one: the race
// detector and the sum say so.
func TestOneAtATime(t *testing.T) {
	const goroutines, turns = 16, 2000
	one, sum := turn.New(), 0
	var all sync.WaitGroup
	for range goroutines {
		all.Go(func() {
			for range turns {
				one.Take()
				sum++
				one.Give()
			}
		})
	}
	all.Wait()
	assert.Equal(t, goroutines*turns, sum)
}

// BenchmarkTurn compares it with a token in a channel, when nobody waits.
func BenchmarkTurn(b *testing.B) {
	b.Run("turn", func(b *testing.B) {
		one := turn.New()
		for b.Loop() {
			one.Take()
			one.Give()
		}
	})
	b.Run("channel", func(b *testing.B) {
		token := make(chan struct{}, 1)
		for b.Loop() {
			token <- struct{}{}
			<-token
		}
	})
}
