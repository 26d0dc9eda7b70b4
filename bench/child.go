package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// child is a server in a process of its own. It is asked by lines on its standard
// input and answers each with a line: see serve.
type child struct {
	mode string // of its role
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
	addr string
}

// role is what a child serves: "managed" or "bare", and what.
type role struct{ mode, kind string }

func start(r role, more ...string) (*child, error) {
	c, err := spawn(append(more, "BENCH_SERVE="+r.mode+" "+r.kind)...)
	if err != nil {
		return nil, err
	}
	c.mode = r.mode
	if c.addr, err = c.line(); err != nil {
		return nil, fmt.Errorf("the %s %s server did not start: %w", r.mode, r.kind, err)
	}
	return c, nil
}

func spawn(env ...string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &child{cmd: exec.Command(self)}
	c.cmd.Env = append(os.Environ(), env...)
	c.cmd.Stderr = os.Stderr
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.out = bufio.NewReader(out)
	return c, c.cmd.Start()
}

func (c *child) line() (string, error) {
	s, err := c.out.ReadString('\n')
	return strings.TrimSpace(s), err
}

// ask sends an order and returns the number it is answered with.
func (c *child) ask(order string) (int64, error) {
	if _, err := io.WriteString(c.in, order+"\n"); err != nil {
		return 0, err
	}
	s, err := c.line()
	if err != nil {
		return 0, fmt.Errorf("%s: %w", order, err)
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s: %s", order, s)
	}
	return n, nil
}

func (c *child) cpu() (time.Duration, error) {
	n, err := c.ask("cpu")
	return time.Duration(n), err
}

// end ends the child: it ends with its standard input.
func (c *child) end() {
	_ = c.in.Close()
	_ = c.cmd.Wait()
}
