// Package browsertest looks at the admin page as a person does: in a real
// browser, at the demo, from outside.
package browsertest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// tab is a tab of a browser of its own, with what it said and asked for.
type tab struct {
	context.Context
	t         *testing.T
	complains atomic.Pointer[[]string] // console errors and exceptions, newest last
	asked     atomic.Pointer[[]string] // addresses
	ending    atomic.Bool              // the server is about to go: its silence is no complaint
}

func add(to *atomic.Pointer[[]string], s string) {
	for {
		old := to.Load()
		var list []string
		if old != nil {
			list = append(list, *old...)
		}
		list = append(list, s)
		if to.CompareAndSwap(old, &list) {
			return
		}
	}
}

func list(of *atomic.Pointer[[]string]) []string {
	if l := of.Load(); l != nil {
		return *l
	}
	return nil
}

// longTasks counts what keeps the page from answering its user.
const longTasks = `window.longTasks = [];
new PerformanceObserver((l) => { for (const e of l.getEntries()) window.longTasks.push(Math.round(e.duration) + " ms at " + Math.round(e.startTime)); })
  .observe({ type: "longtask", buffered: true });`

// open opens a page in a new browser.
func open(t *testing.T, address string, width, height int64) *tab {
	t.Helper()
	options := append([]chromedp.ExecAllocatorOption{},
		chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("hide-scrollbars", true), chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.UserDataDir(t.TempDir()), chromedp.ExecPath(chromium(t)),
	)
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	tb := &tab{Context: ctx, t: t}
	require.NoError(t, chromedp.Listen(ctx, tb.hear))
	call(tb, network.Enable, network.EnableParams{})
	call(tb, cdplog.Enable, cdp.Empty{})
	call(tb, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: longTasks})
	require.NoError(t, chromedp.Do(ctx, chromedp.EmulateViewport(width, height), chromedp.Navigate(address)))
	return tb
}

func chromium(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("CHROMIUM"); path != "" {
		return path
	}
	return "/usr/bin/chromium"
}

func (tb *tab) hear(event any) {
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		add(&tb.complains, fmt.Sprintf("exception: %+v", e.ExceptionDetails))
	case *runtime.EventConsoleAPICalled:
		add(&tb.complains, fmt.Sprintf("console.%s: %+v", e.Type, e.Args))
	case *cdplog.EventEntryAdded: // blocked by the policy, and the like
		if !tb.ending.Load() {
			add(&tb.complains, fmt.Sprintf("log: %+v", e.Entry))
		}
	case *network.EventRequestWillBeSent:
		add(&tb.asked, e.Request.URL)
	case *network.EventLoadingFailed:
		if !tb.ending.Load() && !e.Canceled {
			add(&tb.complains, "failed to load: "+e.ErrorText)
		}
	case *network.EventResponseReceived:
		if e.Response.Status >= 400 && !tb.ending.Load() {
			add(&tb.complains, fmt.Sprintf("%d: %s", e.Response.Status, e.Response.URL))
		}
	}
}

// call sends a command of the browser's protocol.
func call[P, R any](tb *tab, command cdp.Command[P, R], params P) {
	tb.t.Helper()
	_, err := chromedp.Call(tb, command, params)
	require.NoError(tb.t, err)
}

// eval runs JavaScript in the page, whatever its policy, and awaits its result.
func eval[T any](tb *tab, script string) T {
	tb.t.Helper()
	result, err := chromedp.Run(tb, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	require.NoError(tb.t, err, script)
	return result
}

// until waits for a JavaScript expression to be true: it is looked at with every
// frame that the browser draws. It says how long that took.
func (tb *tab) until(expression string, limit time.Duration) time.Duration {
	tb.t.Helper()
	began := time.Now()
	_, err := chromedp.Run(tb, chromedp.Poll[chromedp.Void](expression, chromedp.WithPollingTimeout(limit)))
	require.NoError(tb.t, err, "until %s; the page says: %s", expression, tb.text("body"))
	return time.Since(began)
}

func (tb *tab) text(selector string) string {
	tb.t.Helper()
	return eval[string](tb, fmt.Sprintf("document.querySelector(%q).innerText", selector))
}

// clean fails if the page has complained, or asked anyone else for anything.
func (tb *tab) clean(address string) {
	tb.t.Helper()
	require.Empty(tb.t, list(&tb.complains))
	home, err := url.Parse(address)
	require.NoError(tb.t, err)
	require.NotEmpty(tb.t, list(&tb.asked))
	for _, a := range list(&tb.asked) {
		u, err := url.Parse(a)
		require.NoError(tb.t, err)
		require.Equal(tb.t, home.Host, u.Host, "the page asked for %s", a)
	}
}

func (tb *tab) scheme(name string) {
	tb.t.Helper()
	call(tb, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}},
	})
}

// shoot takes a picture in light and in dark, if SCREENSHOTS names a directory
// for them.
func (tb *tab) shoot(name string) {
	tb.t.Helper()
	dir := os.Getenv("SCREENSHOTS")
	if dir == "" {
		return
	}
	for _, scheme := range []string{"light", "dark"} {
		tb.scheme(scheme)
		eval[chromedp.Void](tb, `new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))`)
		picture, err := chromedp.Run(tb, chromedp.CaptureScreenshot())
		require.NoError(tb.t, err)
		file := fmt.Sprintf("%s/admin-%s-%s.png", dir, name, scheme)
		require.NoError(tb.t, os.WriteFile(file, picture, 0o644))
	}
	tb.scheme("light")
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
