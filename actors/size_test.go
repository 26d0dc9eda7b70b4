package actors

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
)

// There is one for each connection: it fits a size class of the allocator.
func TestAConnectionsActorIsSmall(t *testing.T) {
	assert.LessOrEqual(t, unsafe.Sizeof(connection{}), uintptr(80))
}
