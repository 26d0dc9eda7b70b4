package lease

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestALeaseIsOnesAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l Lease
		assert.False(t, l.Held())
		assert.True(t, l.Take())
		assert.False(t, l.Take(), "it serves: that is said at once")
		ending := false
		l.Ends(func() bool { return ending })
		assert.False(t, l.Take())
		ending = true
		began := time.Now()
		assert.False(t, l.Take(), "a drain that takes long is not waited for")
		assert.Equal(t, patience, time.Since(began))
		time.AfterFunc(patience/2, l.End)
		assert.True(t, l.Take(), "one that is over is")
		assert.True(t, l.Held())
		l.End()
		l.End()
		assert.False(t, l.Held())
	})
}
