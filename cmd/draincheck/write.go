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
