package admin

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/godrain/drain/messages"
)

func readDocs(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile("../docs/" + name)
	require.NoError(t, err)
	return string(b)
}

// The documentation names every metric that there is, and no other.
func TestDocumentedMetrics(t *testing.T) {
	t.Parallel()
	_, said := ask(t, Handler(newFake(messages.PhaseDone, server("http", messages.Counts{}))), "GET", "/metrics", "Host", "localhost")
	var exported, documented []string
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (drain_\w+) (\w+)`).FindAllStringSubmatch(said, -1) {
		exported = append(exported, m[1]+" "+m[2])
	}
	for _, m := range regexp.MustCompile("(?m)^\\| `(drain_\\w+)` \\| (\\w+)").FindAllStringSubmatch(readDocs(t, "operations.md"), -1) {
		documented = append(documented, m[1]+" "+m[2])
	}
	assert.ElementsMatch(t, exported, documented)
}

// The worked Deployment fits the configuration above it, and asks for what the
// panel answers.
func TestWorkedDeployment(t *testing.T) {
	t.Parallel()
	_, rest, _ := strings.Cut(readDocs(t, "kubernetes.md"), "```yaml\n")
	text, _, _ := strings.Cut(rest, "```")
	type get struct {
		HTTPGet struct{ Path, Port string } `yaml:"httpGet"`
	}
	var deployment struct {
		Spec struct {
			Template struct {
				Spec struct {
					Grace      int `yaml:"terminationGracePeriodSeconds"`
					Containers []struct {
						Startup   get `yaml:"startupProbe"`
						Readiness get `yaml:"readinessProbe"`
						Liveness  get `yaml:"livenessProbe"`
					}
				}
			}
		}
	}
	require.NoError(t, yaml.NewDecoder(strings.NewReader(text)).Decode(&deployment))
	pod := deployment.Spec.Template.Spec
	assert.GreaterOrEqual(t, pod.Grace, 25+5)
	require.Len(t, pod.Containers, 1)
	c := pod.Containers[0]
	panel := Handler(newFake(messages.PhaseServing))
	for probe, want := range map[get]int{c.Startup: 200, c.Readiness: 200, c.Liveness: 200} {
		assert.Equal(t, "admin", probe.HTTPGet.Port)
		code, body := ask(t, panel, "GET", probe.HTTPGet.Path, "Host", "10.0.0.7:9090")
		assert.Equal(t, want, code)
		assert.Contains(t, body, `"ok":true`, probe.HTTPGet.Path)
	}
}
