//go:build !linux

package main

import "time"

// Elsewhere the benchmarks compile, and measure no CPU and no memory.

func cpuTime() time.Duration { return 0 }

func resident() int64 { return 0 }
