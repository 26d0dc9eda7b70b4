package conns

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
)

// There is one for each connection: it fits a size class of the allocator.
func TestAConnectionIsSmall(t *testing.T) {
	assert.LessOrEqual(t, unsafe.Sizeof(Conn{}), uintptr(224))
}
