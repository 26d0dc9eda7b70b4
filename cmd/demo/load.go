package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"time"
)

// load is the traffic that the page's button makes: real clients of the demo
// itself, each with a connection of its own.
type load struct {
	target  atomic.Pointer[target]
	clients atomic.Int64
}

// target is what there is to load, once it is there.
type target struct {
	urls []string        // of the servers
	done <-chan struct{} // the tree's
}

const (
	loadClients = 60
	loadMost    = 300
	loadTime    = time.Minute
)

// start adds clients, for a minute.
func (l *load) start(context.Context) error {
	t := l.target.Load()
	if t == nil || len(t.urls) == 0 {
		return errors.New("there is no HTTP server to load")
	}
	select {
	case <-t.done:
		return errors.New("the servers have been drained")
	default:
	}
	if l.clients.Add(loadClients) > loadMost {
		l.clients.Add(-loadClients)
		return fmt.Errorf("%d clients are at it already", loadMost)
	}
	ctx, cancel := context.WithTimeout(context.Background(), loadTime)
	go func() {
		defer cancel()
		select {
		case <-t.done:
		case <-ctx.Done():
		}
	}()
	for i := range loadClients {
		go func() {
			defer l.clients.Add(-1)
			client(ctx, t.urls[i%len(t.urls)], i)
		}()
	}
	return nil
}

// client asks, thinks and asks again until ctx ends or nobody answers.
func client(ctx context.Context, url string, i int) {
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // the demo talks to itself, with a certificate it has just made
	}
	defer transport.CloseIdleConnections()
	c := &http.Client{Transport: transport}
	for sleep(ctx, 800) {
		path, think := task(i)
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+path, nil)
		if err != nil {
			return
		}
		res, err := c.Do(req)
		if err != nil {
			return
		}
		_, err = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		if err != nil || !sleep(ctx, think) {
			return
		}
	}
}

// task is what client i does next, and the longest time in ms that it then thinks.
func task(i int) (path string, think int) {
	switch i % 10 {
	case 0, 1, 2, 3:
		return "/hello", 400
	case 4, 5:
		return fmt.Sprintf("/slow?ms=%d", 300+rand.IntN(5000)), 1500
	case 6:
		return fmt.Sprintf("/stream?ms=%d", 1000+rand.IntN(6000)), 500
	case 7:
		return "/download?mb=4", 1500
	}
	return "/hello", 15_000 // mostly idle
}

// sleep waits for up to so many ms; it reports false if ctx has ended.
func sleep(ctx context.Context, most int) bool {
	t := time.NewTimer(time.Duration(rand.IntN(most)+1) * time.Millisecond)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
