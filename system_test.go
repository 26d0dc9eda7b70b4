package drain

import (
	"log/slog"
	"testing"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/assert"
)

func TestFewerMapsKeepTheSystemsOwnActors(t *testing.T) {
	whole := actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return slog.New(slog.DiscardHandler) }))
	found := 0
	system := quietSystem()
	for _, bucket := range whole.ProcessRegistry.LocalPIDs.LocalPIDs {
		bucket.IterCb(func(id string, _ any) {
			found++
			_, there := system.ProcessRegistry.GetLocal(id)
			assert.True(t, there, id)
		})
	}
	assert.Positive(t, found)
	assert.Len(t, system.ProcessRegistry.LocalPIDs.LocalPIDs, 1)
}
