package browsertest

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// seen is the time in which the page must show what has happened.
const seen = 500 * time.Millisecond

const (
	openNow = `document.getElementById("n-open").textContent`
	busyNow = `document.getElementById("n-busy").textContent`
	phase   = `document.body.dataset.phase`
)

func TestThePageShowsADrainFromBeginningToEnd(t *testing.T) {
	d := start(t, "-timeout", "20s", "-ready-delay", "1s")
	tb := open(t, d.page, 1280, 900)
	tb.until(phase+` === "serving"`, 5*time.Second)
	tb.until(openNow+` === "0"`, time.Second)

	slow := d.ask("/slow?ms=3000")
	took := tb.until(openNow+` === "1" && `+busyNow+` === "1"`, seen)
	t.Log("a connection was shown after", took)
	tb.until(`document.querySelector("#busy-table tbody").innerText.includes("GET /slow")`, seen)
	tb.until(`document.querySelector(".cells").getAttribute("aria-label").includes("1 busy")`, 2*time.Second)
	assert.NotContains(t, tb.text("body"), "ms=3000", "queries are secrets")

	rest(t, slow)
	t.Log("idle was shown after", tb.until(openNow+` === "1" && `+busyNow+` === "0"`, seen))

	d.ask("/slow?ms=4000")
	tb.until(busyNow+` === "1"`, seen)
	d.terminate()
	tb.until(phase+` === "announced"`, seen)
	tb.until(phase+` === "draining"`, time.Second+seen)
	tb.until(`!document.getElementById("drain").hidden && document.getElementById("drain-left").textContent.endsWith(" s")`, seen)
	assert.Contains(t, tb.text("#busy"), "Who is left")
	tb.ending.Store(true)
	tb.until(`!document.getElementById("report").hidden`, 5*time.Second)
	report := oneLine(tb.text("#report"))
	assert.Contains(t, report, "Clean: nothing was lost")
	assert.Contains(t, report, "2 connections ended in order")
	assert.Contains(t, report, "announced 1 s")
	tb.clean(d.page)

	tb.until(phase+` === "gone"`, 5*time.Second)
	assert.Contains(t, tb.text("#notice"), "after its Report")
	assert.Contains(t, tb.text("#report"), "Clean", "the last picture stays")
}

func TestThePageSaysWhatWasCut(t *testing.T) {
	d := start(t, "-timeout", "1s")
	tb := open(t, d.page, 1280, 900)
	tb.until(phase+` === "serving"`, 5*time.Second)
	d.ask("/download?mb=64")
	d.ask("/slow?ms=60000")
	tb.until(busyNow+` === "2"`, seen)
	tb.ending.Store(true)
	d.terminate()
	tb.until(`!document.getElementById("report").hidden`, 5*time.Second)
	report := oneLine(tb.text("#report"))
	assert.Contains(t, report, "Not clean")
	assert.Contains(t, report, "GET /download")
	tb.clean(d.page)
}

func TestAKilledServerIsGoneAndItsPictureStays(t *testing.T) {
	d := start(t)
	tb := open(t, d.page, 1280, 900)
	d.ask("/slow?ms=60000")
	tb.until(busyNow+` === "1"`, 5*time.Second)
	tb.ending.Store(true)
	require.NoError(t, d.cmd.Process.Kill())
	tb.until(phase+` === "gone"`, 2*time.Second)
	assert.Contains(t, tb.text("#notice"), "without a Report")
	assert.Contains(t, tb.text("#busy"), "GET /slow", "the last picture stays")
}

func TestTheButtons(t *testing.T) {
	d := start(t)
	tb := open(t, d.page+"#token="+d.token, 1280, 900)
	tb.until(`document.querySelectorAll("#buttons button").length === 2`, 5*time.Second)
	assert.Empty(t, eval[string](tb, `location.hash`), "the token stays out of the history")
	eval[chromedp.Void](tb, `[...document.querySelectorAll("#buttons button")][0].click()`)
	tb.until(`Number(`+openNow+`) > 20`, 5*time.Second)
	tb.ending.Store(true)
	eval[chromedp.Void](tb, `[...document.querySelectorAll("#buttons button")][1].click()`)
	tb.until(`document.getElementById("ask").open`, time.Second)
	eval[chromedp.Void](tb, `document.getElementById("ask-yes").click()`)
	tb.until(`!document.getElementById("report").hidden`, 15*time.Second)
	assert.Contains(t, tb.text("#report"), "Clean")
	tb.clean(d.page)
	<-d.ended
}

// WCAG 2.2, 1.4.10: at 320 pixels, or 1280 at 400 %, nobody scrolls in two directions. What has many columns scrolls
// by itself.
func TestANarrowWindowScrollsInOneDirection(t *testing.T) {
	d := start(t)
	d.ask("/slow?ms=60000")
	for _, width := range []int64{320, 375} {
		tb := open(t, d.page, width, 640)
		tb.until(busyNow+` === "1"`, 5*time.Second)
		assert.LessOrEqual(t, eval[int64](tb, `document.documentElement.scrollWidth`), width)
	}
}

func TestAWrongTokenShutsNothingDown(t *testing.T) {
	d := start(t)
	tb := open(t, d.page+"#token=wrong", 1280, 900)
	tb.until(`document.querySelectorAll("#buttons button").length === 2`, 5*time.Second)
	eval[chromedp.Void](tb, `[...document.querySelectorAll("#buttons button")][1].click()`)
	eval[chromedp.Void](tb, `document.getElementById("ask-yes").click()`)
	tb.until(`document.getElementById("notice").textContent.includes("not allowed")`, time.Second)
	tb.until(phase+` === "serving"`, time.Second)
}

func TestKeyboardAndSorting(t *testing.T) {
	d := start(t, "-https", "")
	tb := open(t, d.page, 1280, 900)
	d.ask("/slow?ms=60000")
	tb.until(busyNow+` === "1"`, 5*time.Second)
	d.ask("/stream?ms=60000")
	tb.until(`document.querySelectorAll("#busy-table tbody tr").length === 2`, 5*time.Second)

	eval[chromedp.Void](tb, `document.querySelector(".cells").focus()`)
	require.NoError(t, chromedp.Do(tb, chromedp.KeyEvent(kb.Home)))
	tb.until(`!document.getElementById("tip").hidden && document.getElementById("tip").textContent.includes("GET /slow")`, time.Second)
	assert.Contains(t, eval[string](tb, `document.getElementById("announce").textContent`), "GET /slow", "a screen reader says it")
	require.NoError(t, chromedp.Do(tb, chromedp.KeyEvent(kb.ArrowRight)))
	tb.until(`document.getElementById("tip").textContent.includes("GET /stream")`, time.Second)
	require.NoError(t, chromedp.Do(tb, chromedp.KeyEvent(kb.Escape)))
	tb.until(`document.getElementById("tip").hidden`, time.Second)

	const first = `document.querySelector("#busy-table tbody tr").innerText`
	tb.until(first+`.includes("/slow")`, time.Second)
	sort := `[...document.querySelectorAll("#busy-table th button")].find((b) => b.textContent === "request").click()`
	eval[chromedp.Void](tb, sort)
	assert.Contains(t, eval[string](tb, first), "/slow")
	eval[chromedp.Void](tb, sort)
	assert.Contains(t, eval[string](tb, first), "/stream")
	assert.Equal(t, "descending", eval[string](tb, `document.querySelector("th[aria-sort]").getAttribute("aria-sort")`))
}
