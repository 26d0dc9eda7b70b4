package main

import (
	"os"
	"strconv"
	"strings"
	"time"
)

// watchCPU samples the CPU time of another process each second (proc(5)), in
// percent of one processor, until the function it returns is called.
func watchCPU(pid int) func() series {
	stop, out := make(chan struct{}), make(chan series)
	go func() {
		s := series{name: "server CPU in each second"}
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for before := ticks(pid); ; {
			select {
			case <-stop:
				out <- s
				return
			case <-tick.C:
				now := ticks(pid)
				s.x, s.y = append(s.x, float64(len(s.x))), append(s.y, float64(now-before)) // ticks of 10 ms
				before = now
			}
		}
	}()
	return func() series {
		close(stop)
		return <-out
	}
}

func ticks(pid int) int {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return user + system
}
