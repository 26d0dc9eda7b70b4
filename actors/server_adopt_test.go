package actors

import (
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAConnectionThatComesTooLateIsTurnedAway(t *testing.T) {
	f := newFake("f")
	r := plant(t, brief(), Managed(f))
	require.NoError(t, r.serving())
	receive(t, f.serving)
	require.NoError(t, r.report(r.shutdown()).Err())
	ours, theirs := net.Pipe()
	defer theirs.Close()
	_, err := (*f.tracker.Load()).Track(ours)
	require.ErrorIs(t, err, ErrServerGone)
	_, err = theirs.Read(make([]byte, 1))
	require.Error(t, err, "it is closed")
	assert.EqualValues(t, 1, r.gauges.Servers()["f"].Late)
}
