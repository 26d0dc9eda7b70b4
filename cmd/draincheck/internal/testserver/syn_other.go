//go:build unix && !linux

package testserver

import "net"

func refuseSYNs(*net.TCPListener) {}
