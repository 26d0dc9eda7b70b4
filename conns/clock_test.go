package conns

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

// Whoever tests his handlers in a bubble, behind Drain, has its clock: the year
// 2000. A connection that took "now" for long before "long ago" would spin.
func TestInstantsArePositiveAndInOrder(t *testing.T) {
	t.Parallel()
	instants := func(t *testing.T) {
		before := now()
		assert.Greater(t, before, int64(longAgo))
		assert.EqualValues(t, longAgo, at(time.Unix(1, 0)), "net/http's deadline that aborts a read")
		assert.EqualValues(t, longAgo, at(time.Time{}.Add(1)))
		assert.Zero(t, at(time.Time{}))
		assert.True(t, when(0).IsZero())
		assert.Equal(t, int64(math.MaxInt64), at(time.Now().Add(math.MaxInt64)))
		then := time.Now().Add(time.Minute)
		assert.GreaterOrEqual(t, at(then), before+int64(time.Minute))
		assert.True(t, when(at(then)).Equal(then), "%s is %s", when(at(then)), then)
	}
	instants(t)
	synctest.Test(t, instants)
}
