package wsactor

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What is written behind an answer does not keep its mark, however much that is.
func TestAMarkEndsWhenWhatWaitedIsWritten(t *testing.T) {
	var m marks
	m.add(2)
	require.Zero(t, m.due(2))
	m.written()
	m.add(5) // behind the first: it waits until that has ended, and for what waits then
	require.Zero(t, m.due(5))
	m.written()
	require.Equal(t, 1, m.due(3))
	m.written()
	m.written()
	require.Zero(t, m.due(9))
	m.written()
	require.Equal(t, 1, m.due(9))
	require.Zero(t, m.due(0))
}

func TestMarksThatWaitForNothing(t *testing.T) {
	var m marks
	m.add(0)
	require.Equal(t, 1, m.due(0))
	m.add(3)
	m.add(3)
	require.Equal(t, 2, m.due(0), "the session was closed")
	m.add(3)
	m.dropped()
	m.dropped()
	m.dropped() // not the one that is being written
	require.Zero(t, m.due(1))
	m.written()
	require.Equal(t, 1, m.due(1))
}

func TestAMarkDoesNotWaitForWhatIsWithdrawn(t *testing.T) {
	var m marks
	m.add(3)
	m.withdrawn(3) // it was behind
	require.Zero(t, m.due(3))
	m.withdrawn(2)
	m.written()
	require.Zero(t, m.due(1))
	m.written()
	require.Equal(t, 1, m.due(9))
}
