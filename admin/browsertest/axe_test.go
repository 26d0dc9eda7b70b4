package browsertest

import (
	"os"
	"strings"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// axe has axe-core look at the page in both colour schemes.
func (tb *tab) axe(scene string) {
	tb.t.Helper()
	source, err := os.ReadFile("node_modules/axe-core/axe.min.js")
	require.NoError(tb.t, err, "scripts/admin-tools.sh installs it")
	eval[chromedp.Void](tb, string(source)+"; undefined")
	for _, scheme := range []string{"light", "dark"} {
		tb.scheme(scheme)
		found := eval[[]string](tb, `axe.run().then((r) => r.violations.map((v) =>
			v.impact + ": " + v.id + ": " + v.nodes.map((n) => n.html + " " + n.failureSummary).join("; ")))`)
		var serious []string
		for _, f := range found {
			if strings.HasPrefix(f, "serious") || strings.HasPrefix(f, "critical") {
				serious = append(serious, f)
			}
		}
		require.Empty(tb.t, serious, "%s, %s", scene, scheme)
		if len(found) > 0 {
			tb.t.Log(scene, scheme, "minor:", found)
		}
	}
	tb.scheme("light")
}
