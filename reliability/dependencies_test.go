package reliability

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// SECURITY.md says of every direct dependency what it is for, and of no other.
func TestDependenciesAreListed(t *testing.T) {
	t.Parallel()
	mod, err := os.ReadFile("../go.mod")
	require.NoError(t, err)
	policy, err := os.ReadFile("../SECURITY.md")
	require.NoError(t, err)
	_, table, _ := strings.Cut(string(policy), "\n| module |")
	var listed []string
	for row := range strings.Lines(table) {
		cells := strings.Split(row, "|")
		if len(cells) < 3 || !strings.Contains(cells[1], ".") {
			continue
		}
		var first string
		for name := range strings.FieldsFuncSeq(cells[1], func(r rune) bool { return strings.ContainsRune(" ,;", r) }) {
			if rest, ok := strings.CutPrefix(name, "…"); ok {
				name = first + rest
			} else {
				first = name
			}
			listed = append(listed, name)
		}
	}
	var required []string
	for line := range strings.Lines(string(mod)) {
		line = strings.TrimSpace(strings.TrimPrefix(line, "require "))
		if name, version, ok := strings.Cut(line, " "); ok && strings.HasPrefix(version, "v") && !strings.Contains(version, "indirect") {
			required = append(required, name)
		}
	}
	assert.ElementsMatch(t, required, listed)
}
