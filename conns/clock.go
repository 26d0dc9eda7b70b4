package conns

import (
	"math"
	"time"
)

// Instants are nanoseconds since epoch, which is long before the process began:
// reading the monotonic clock alone is cheaper than time.Now, and an int64 fits an
// atomic. 0 means "no instant". In a bubble of testing/synctest it is the year
// 2000, and an instant has to be positive there too.
var (
	epoch = time.Date(1990, time.January, 1, 0, 0, 0, 0, time.UTC)
	start = time.Now()
	lead  = int64(start.Sub(epoch))
)

func now() int64 { return lead + int64(time.Since(start)) }

// at is the instant of t; the zero Time is "no instant".
func at(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	d := min(int64(t.Sub(start)), math.MaxInt64-lead)
	return max(lead+d, longAgo)
}

// when is the Time of an instant.
func when(i int64) time.Time {
	if i == 0 {
		return time.Time{}
	}
	return start.Add(time.Duration(i - lead))
}
