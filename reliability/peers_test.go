package reliability

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// Peers in great number are a process of their own: descriptors are counted by
// the process, and what the server's end of a connection costs is told apart from
// what the peer's does. The process is this test again, see TestMain.

// peersOf names the address, and how many shall connect to it and say nothing.
const peersOf = "RELIABILITY_PEERS"

// bePeers connects, says so, and waits for its standard input to end.
func bePeers(spec string) error {
	var addr string
	var n int
	if _, err := fmt.Sscan(spec, &addr, &n); err != nil {
		return err
	}
	for i := range n {
		nc, err := net.Dial("tcp", addr)
		if err != nil {
			return fmt.Errorf("connection %d: %w", i, err)
		}
		defer nc.Close()
	}
	fmt.Println("connected")
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

// peers is such a process.
type peers struct {
	*testing.T
	cmd   *exec.Cmd
	stdin io.Closer
}

func startPeers(t *testing.T, addr string, n int) *peers {
	exe, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d", peersOf, addr, n))
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	p := &peers{T: t, cmd: cmd, stdin: stdin}
	said, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		p.leave()
		require.NoError(t, err, "the peers did not connect: %q", said)
	}
	return p
}

func (p *peers) leave() {
	_ = p.stdin.Close()
	if err := p.cmd.Wait(); err != nil {
		p.Errorf("the peers: %v", err)
	}
}
