package servers

import (
	"context"
	"crypto/tls"
	"fmt"
	"time"

	"github.com/godrain/drain/actors"
)

func makeTCP(spec Spec) (actors.Server, error) {
	var handler TCPHandler
	switch h := spec.Handler.(type) {
	case TCPHandler:
		handler = h
	case func(context.Context, Conn):
		handler = h
	default:
		return nil, fmt.Errorf("its Handler is a %T: it must be a servers.TCPHandler", spec.Handler)
	}
	var own struct {
		HandshakeTimeout Duration `json:"handshake_timeout"`
	}
	if err := spec.DecodeOptions(&own); err != nil {
		return nil, err
	}
	o := TCPOptions{
		Name: spec.Name, Settings: spec.Settings(), MaxConns: spec.MaxConns,
		HandshakeTimeout: time.Duration(own.HandshakeTimeout),
	}
	if spec.CertFile != "" || spec.KeyFile != "" {
		cert, err := loadCertificate(spec.CertFile, spec.KeyFile)
		if err != nil {
			return nil, err
		}
		o.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}}
	}
	return TCP(spec.Addr, handler, o), nil
}
