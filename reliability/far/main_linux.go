// Command far simulates a network with latency and loss. It has two tun devices, and
// what is sent to one comes out of the other after a delay, or not at all.
// scripts/far.sh puts a server behind one of them and draincheck behind the other.
package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

func main() {
	delay := flag.Duration("delay", 25*time.Millisecond, "from one end to the other, half the round-trip time")
	loss := flag.Float64("loss", 0, "the share of packets that get lost")
	flag.Parse()
	if err := run(flag.Args(), *delay, *loss); err != nil {
		fmt.Fprintln(os.Stderr, "far:", err)
		os.Exit(1)
	}
}

func run(names []string, delay time.Duration, loss float64) error {
	if len(names) != 2 {
		return fmt.Errorf("the names of two devices are needed, not %d", len(names))
	}
	var ends [2]*os.File
	for i, name := range names {
		end, err := tun(name)
		if err != nil {
			return fmt.Errorf("cannot make the device %q (are you root?): %w", name, err)
		}
		ends[i] = end
	}
	fmt.Println("ready")
	ended := make(chan error, 1)
	go func() { ended <- carry(ends[0], ends[1], delay, loss) }()
	go func() { ended <- carry(ends[1], ends[0], delay, loss) }()
	return <-ended
}

// tun makes a device of packets (see the kernel's networking/tuntap).
func tun(name string) (*os.File, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	device, err := unix.NewIfreq(name)
	if err != nil {
		return nil, err
	}
	device.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	return os.NewFile(uintptr(fd), name), unix.IoctlIfreq(fd, unix.TUNSETIFF, device)
}

// packet is one under way.
type packet struct {
	due   time.Time
	bytes []byte
}

// underWay is how many packets may be: a network, too, loses what it has no room for.
const underWay = 1 << 14

func carry(from, to *os.File, delay time.Duration, loss float64) error {
	packets := make(chan packet, underWay)
	go func() {
		for p := range packets {
			time.Sleep(time.Until(p.due)) // the delay is the subject
			_, _ = to.Write(p.bytes)      // an end that is down takes nothing
		}
	}()
	defer close(packets)
	buf := make([]byte, 1<<16)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return err
		}
		if rand.Float64() < loss {
			continue
		}
		select {
		case packets <- packet{time.Now().Add(delay), append([]byte(nil), buf[:n]...)}:
		default:
		}
	}
}
