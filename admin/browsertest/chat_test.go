package browsertest

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// say types into the chat's form and sends it; what is said first is a name.
func (tb *tab) say(text string) {
	tb.t.Helper()
	eval[bool](tb, fmt.Sprintf(`(document.getElementById("text").value = %q, document.getElementById("form").requestSubmit(), true)`, text))
}

const (
	said  = `document.getElementById("said").innerText`
	state = `document.getElementById("state").textContent`
)

// The demo's chat, with two people: what one says the other hears, a drain closes both
// pages' WebSockets with 1001, and they come back by themselves to the next process.
func TestTheChatInTwoBrowsers(t *testing.T) {
	d := start(t)
	ann, bob := open(t, "http://"+d.addr+"/chat", 800, 900), open(t, "http://"+d.addr+"/chat", 800, 900)
	ann.say("Ann")
	ann.until(state+` === "Connected; 1 here."`, seen)
	bob.say("Bob")
	ann.until(said+`.includes("Bob is here") && `+state+` === "Connected; 2 here."`, seen)
	bob.say("<b>hello</b>")
	ann.until(said+`.includes("Bob: <b>hello</b>")`, seen)
	assert.Zero(t, eval[int](ann, `document.querySelectorAll("#said b").length`), "what people say is text")
	ann.axe("the chat")
	ann.shoot("chat")
	ann.clean("http://" + d.addr)
	bob.clean("http://" + d.addr)

	ann.ending.Store(true)
	bob.ending.Store(true)
	d.terminate()
	for _, tb := range []*tab{ann, bob} {
		tb.until(state+`.startsWith("Closed with 1001 ")`, 5*time.Second)
	}
	<-d.ended
	start(t, "-http", d.addr)
	ann.until(state+` === "Connected; 2 here."`, 10*time.Second)
	ann.say("again")
	bob.until(said+`.includes("Ann: again")`, seen)
}
