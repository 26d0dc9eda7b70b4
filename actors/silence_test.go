package actors

import (
	"testing"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/assert"

	"github.com/godrain/drain/messages"
)

// What may come to an actor that has just gone is not logged as a dead letter by an
// actor system of the user's.
func TestWhatCrossesAGoodbyeIsNotLogged(t *testing.T) {
	for _, msg := range []any{
		messages.Busy{},
		messages.Idle{},
		messages.Close{},
		messages.Cancel{},
		messages.Kill{},
		messages.Ended{},
		messages.Closed{},
		messages.Adopt{},
		outOfPatience{},
		outOfTime{},
		nextBatch{},
		quiet{},
		served{},
		unbound{},
	} {
		assert.Implements(t, (*actor.IgnoreDeadLetterLogging)(nil), msg)
	}
}
