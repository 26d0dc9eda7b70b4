package conns

import "time"

// Instants are nanoseconds since epoch, a moment just before the process began
// to serve: reading the monotonic clock alone is cheaper than time.Now, and an
// int64 fits an atomic. 0 means "no instant".
var epoch = time.Now().Add(-time.Hour)

func now() int64 { return int64(time.Since(epoch)) }

// at is the instant of t; the zero Time is "no instant".
func at(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	if d := t.Sub(epoch); d > 0 {
		return int64(d)
	}
	return 1 // long ago
}

// when is the Time of an instant.
func when(i int64) time.Time {
	if i == 0 {
		return time.Time{}
	}
	return epoch.Add(time.Duration(i))
}
