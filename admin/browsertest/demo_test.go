package browsertest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var demoBinary string

// forced is a second signal: it cuts what is left.
const forced = syscall.SIGTERM

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "demo")
	if err == nil {
		demoBinary = filepath.Join(dir, "demo")
		build := exec.Command("go", "build", "-o", demoBinary, "./cmd/demo")
		build.Dir, build.Stderr = "../..", os.Stderr
		err = build.Run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "cannot build the demo:", err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// demo is a running demo, seen from outside.
type demo struct {
	t     *testing.T
	cmd   *exec.Cmd
	page  string // address
	token string
	addr  string // of its HTTP server
	ended chan struct{}
}

func start(t *testing.T, flags ...string) *demo {
	t.Helper()
	d := &demo{t: t, ended: make(chan struct{})}
	d.cmd = exec.Command(demoBinary, append([]string{"-http", "127.0.0.1:0", "-https", "127.0.0.1:0", "-admin", "127.0.0.1:0"}, flags...)...)
	out, err := d.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, d.cmd.Start())
	lines := bufio.NewScanner(out)
	for d.addr == "" && lines.Scan() {
		line := lines.Text()
		if s, ok := strings.CutPrefix(line, "page "); ok && d.page == "" {
			d.page = strings.TrimSpace(s)
		}
		if s, ok := strings.CutPrefix(line, "token "); ok {
			d.token, _, _ = strings.Cut(strings.TrimSpace(s), ",")
		}
		if s, ok := strings.CutPrefix(line, "http://"); ok {
			d.addr = strings.TrimSuffix(s, "/")
		}
	}
	require.NotEmpty(t, d.addr, "the demo said nothing of an HTTP server")
	go func() {
		defer close(d.ended)
		_, _ = io.Copy(io.Discard, out)
		_ = d.cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = d.cmd.Process.Kill()
		<-d.ended
	})
	return d
}

func (d *demo) terminate() {
	d.t.Helper()
	require.NoError(d.t, d.cmd.Process.Signal(syscall.SIGTERM))
}

// ask opens a connection and asks for path; the answer is left unread.
func (d *demo) ask(path string) net.Conn {
	d.t.Helper()
	c, err := net.Dial("tcp", d.addr)
	require.NoError(d.t, err)
	d.t.Cleanup(func() { _ = c.Close() })
	_, err = io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: demo\r\n\r\n")
	require.NoError(d.t, err)
	return c
}

// rest reads one answer, so that the connection is idle afterwards.
func rest(t *testing.T, c net.Conn) {
	t.Helper()
	require.NoError(t, c.SetReadDeadline(time.Now().Add(30*time.Second)))
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	require.NoError(t, err)
	_, err = io.Copy(io.Discard, res.Body)
	require.NoError(t, err)
	_ = res.Body.Close()
}
