//go:build unix

package main

import (
	"io"
	"os"

	"github.com/godrain/drain/cmd/draincheck/internal/report"
)

// screen is where the table goes: not between the lines of what a program reads.
func (o *options) screen() io.Writer {
	if o.json == "-" || o.junit == "-" || o.html == "-" {
		return os.Stderr
	}
	return os.Stdout
}

// writable says which of the reports could not be written: after an hour of stops it would be too late. What such a file
// holds stays until it is written.
func (o *options) writable() error {
	for _, name := range []string{o.json, o.junit, o.html} {
		if name == "" || name == "-" {
			continue
		}
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o666)
		if err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	return nil
}

// write writes the reports that were asked for.
func (o *options) write(rep *report.Report) error {
	for _, w := range []struct {
		to    string
		write func(io.Writer) error
	}{{o.json, rep.JSON}, {o.junit, rep.JUnit}, {o.html, rep.HTML}} {
		if err := writeTo(w.to, w.write); err != nil {
			return err
		}
	}
	return nil
}

func writeTo(name string, write func(io.Writer) error) error {
	switch name {
	case "":
		return nil
	case "-":
		return write(os.Stdout)
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	if err := write(f); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
