package compat

import (
	"crypto/tls"
	"errors"
	"log/slog"
	"sync"

	"github.com/godrain/drain/internal/selfsigned"
)

var silent = slog.New(slog.DiscardHandler)

// selfSigned makes a certificate for 127.0.0.1, once.
var selfSigned = sync.OnceValue(func() *tls.Config {
	c, err := selfsigned.Certificate()
	if err != nil {
		panic(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{c}}
})

// innermost is the innermost error.
func innermost(err error) error {
	for errors.Unwrap(err) != nil {
		err = errors.Unwrap(err)
	}
	return err
}
