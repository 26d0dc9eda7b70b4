package browsertest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func promtool(t *testing.T, stdin string, args ...string) {
	t.Helper()
	cmd := exec.Command("promtool", args...)
	cmd.Stdin = strings.NewReader(stdin)
	said, err := cmd.CombinedOutput()
	require.NoError(t, err, "promtool %v: %s", args, said)
}

func (d *demo) metrics(t *testing.T) string {
	t.Helper()
	res, err := http.Get(d.page + "metrics")
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return string(body)
}

func TestMetricsAreClean(t *testing.T) {
	d := start(t)
	rest(t, d.ask("/hello"))
	said := d.metrics(t)
	promtool(t, said, "check", "metrics")
	assert.Contains(t, said, `drain_connections_opened_total{server="http"} 1`)
	assert.Contains(t, said, "go_goroutines ", "the process's own are there too")
}

func TestRulesAreClean(t *testing.T) {
	promtool(t, "", "check", "rules", "../../docs/alerts.yml")
	promtool(t, "", "test", "rules", "../../docs/alerts_test.yml")
	known(t, start(t).metrics(t), read(t, "../../docs/alerts.yml"))
}

// Every expression of the dashboard is one that Prometheus understands, of
// metrics that there are.
func TestDashboardAsksForWhatThereIs(t *testing.T) {
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
		Annotations struct{ List []struct{ Expr string } }
	}
	require.NoError(t, json.Unmarshal([]byte(read(t, "../../docs/grafana.json")), &dashboard))
	var expressions []string
	for _, p := range dashboard.Panels {
		require.NotEmpty(t, p.Targets, p.Title)
		for _, target := range p.Targets {
			expressions = append(expressions, target.Expr)
		}
	}
	for _, a := range dashboard.Annotations.List {
		expressions = append(expressions, a.Expr)
	}
	var rules bytes.Buffer
	fmt.Fprint(&rules, "groups: [{name: dashboard, rules: [")
	for i, e := range expressions {
		e = strings.NewReplacer("$__rate_interval", "1m", "$__range", "1h").Replace(e)
		quoted, err := json.Marshal(e)
		require.NoError(t, err)
		fmt.Fprintf(&rules, "{record: 'panel:%d', expr: %s},\n", i, quoted)
	}
	fmt.Fprint(&rules, "]}]\n")
	file := filepath.Join(t.TempDir(), "dashboard.yml")
	require.NoError(t, os.WriteFile(file, rules.Bytes(), 0o600))
	promtool(t, "", "check", "rules", file)
	known(t, start(t).metrics(t), strings.Join(expressions, "\n"))
}

var metricName = regexp.MustCompile(`\bdrain_[a-z_]+\b`)

// known fails if text names a metric that is not among those said.
func known(t *testing.T, said, text string) {
	t.Helper()
	names := metricName.FindAllString(text, -1)
	require.NotEmpty(t, names)
	for _, name := range names {
		if strings.HasPrefix(name, "drain_phase_duration") {
			continue // there is none before a drain
		}
		assert.Regexp(t, `(?m)^`+name+`[{ ]`, said)
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	return string(b)
}
