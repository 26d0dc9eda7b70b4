//go:build unix

package target

import (
	"os"
	"time"
)

// maxOutput is how much of a child's output is kept: its end, where the reason for a failure stands.
const maxOutput = 64 << 10

// output keeps the end of what a child writes. Its goroutine owns the bytes until done is closed.
type output struct {
	r    *os.File
	kept []byte
	done chan struct{}
}

func keep(r *os.File) *output {
	o := &output{r: r, done: make(chan struct{})}
	go o.read()
	return o
}

func (o *output) read() {
	defer close(o.done)
	defer o.r.Close()
	buf := make([]byte, 4096)
	for {
		n, err := o.r.Read(buf)
		o.kept = append(o.kept, buf[:n]...)
		if over := len(o.kept) - maxOutput; over > 0 {
			o.kept = append(o.kept[:0], o.kept[over:]...)
		}
		if err != nil {
			return
		}
	}
}

// text waits for the end of the output: that of the process group, or a little longer if some daemon that left the group
// keeps the pipe open.
func (o *output) text() string {
	o.r.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	<-o.done
	return string(o.kept)
}
