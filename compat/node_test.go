package compat

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/godrain/drain"
)

// TestNodeClients closes clients of Node's ws, which offer permessage-deflate.
// scripts/compat.sh installs it.
func TestNodeClients(t *testing.T) {
	require.DirExists(t, "node/node_modules/ws", "run scripts/compat.sh: it installs Node's ws")
	t.Parallel()
	for _, name := range []string{"gorilla", "gorilla, deflate", "coder, deflate", "gws, deflate", "gobwas", "melody", "x/net"} {
		for _, what := range []string{"idle", "echoing", "flooding"} {
			if !long() && (what == "echoing" || (name != "gorilla, deflate" && name != "x/net")) {
				continue
			}
			// A flood of tiny messages that lies in the kernel's buffers keeps Node busy for
			// longer than any drain: a few connections at a time.
			n := full(100, 10)
			if what == "flooding" {
				n = 5
			}
			t.Run(name+"/"+what, func(t *testing.T) {
				overTLS(t, func(t *testing.T, tls bool) {
					h, url := serve(t, libraries[name], tls, drain.Config{CloseCode: 1012, CloseReason: "back soon"})
					node := exec.Command("node", "peers.js", url, strconv.Itoa(n), what)
					node.Dir, node.Stderr = "node", os.Stderr
					// x/net wants an Origin, and the others want it to be theirs.
					node.Env = append(os.Environ(), "ORIGIN="+strings.Replace(url, "ws", "http", 1))
					out, err := node.StdoutPipe()
					require.NoError(t, err)
					require.NoError(t, node.Start())
					t.Cleanup(func() { _ = node.Process.Kill(); _ = node.Wait() })
					lines := bufio.NewScanner(out)
					require.True(t, lines.Scan())
					require.Equal(t, "ready", lines.Text())
					report, err := h.Shutdown(context.Background())
					require.NoError(t, err)
					require.Equal(t, n, report.Sum().Drained, report.String())
					require.True(t, lines.Scan())
					ends := make(map[string]int)
					require.NoError(t, json.Unmarshal(lines.Bytes(), &ends))
					require.Equal(t, map[string]int{"1012 back soon": n}, ends)
				})
			})
		}
	}
}
