// Package verdict holds what draincheck counts, and the words for it. The definitions here are the tool's promise: what
// is called lost must be lost whoever looks at it.
package verdict

import "fmt"

// Outcome is what became of one request, or of one connection that was there to carry some.
type Outcome uint8

const (
	// Answered is a request that got its complete response, or a WebSocket message that arrived whole.
	Answered Outcome = iota
	// Repeat is a request that was told, completely, that it was not processed: a 408 or a 503, an HTTP/2 stream beyond
	// the last id of the final GOAWAY or refused by RST_STREAM. Not lost: the client knows that it may repeat it.
	Repeat
	// Refused is a connection that was refused. Not lost: nothing was written.
	Refused
	// ResetDialling is a connection that was reset, or got no answer, before it was established. Not lost.
	ResetDialling
	// ClosedBefore is a connection whose end the client's kernel had received before a request was written. Not lost.
	ClosedBefore
	// LostClosed is a request that was written on an established connection, which then ended without a byte of answer.
	LostClosed
	// LostReset is the same, ended by a reset.
	LostReset
	// LostCut is a response that began and did not arrive in full, a WebSocket message that was cut, or a WebSocket that
	// ended without a close frame.
	LostCut
	// LostTimedOut is a request that had no complete answer when the time was up.
	LostTimedOut
	// Ended is a connection that carried no request (idle, silent, half a header) and was ended by the server.
	Ended
	// LeftOpen is such a connection that was still open when the time was up.
	LeftOpen

	outcomes
)

var outcomeNames = [outcomes]string{
	"answered", "repeat", "refused", "reset while dialling", "closed before written",
	"lost: closed", "lost: reset", "lost: cut", "lost: timed out", "ended", "left open",
}

func (o Outcome) String() string {
	if o < outcomes {
		return outcomeNames[o]
	}
	return fmt.Sprintf("outcome %d", uint8(o))
}

// Lost says whether the outcome counts as a loss.
func (o Outcome) Lost() bool { return o >= LostClosed && o <= LostTimedOut }

// Definitions is the text of -help and of the docs: what is counted as what.
const Definitions = `What is counted

  lost           A request of which at least one byte was accepted by write() on an established connection whose end had
                 not been received, and which got no complete response. Split into
                   closed     the connection ended (FIN) without a byte of the response
                   reset      it was reset (RST) without a byte of the response
                   cut        the response began and did not arrive in full; a WebSocket message that was cut; a
                              WebSocket or event stream that ended without its close frame or last chunk
                   timed out  no complete response when -timeout was over
                 A client looks before it writes: it asks the kernel for the connection's state and writes in the same
                 instant. (The blind client does not look. For it every accepted write counts.)
  answered       A complete response, whatever its status but 408 and 503.
  repeat         A complete 408 or 503, or an HTTP/2 stream that the server said it did not process (beyond the final
                 GOAWAY's last id, or REFUSED_STREAM): the client knows, and may repeat even a POST. Not lost.
                 A 408 answers one request: others that were pipelined behind it before the signal are lost.
  refused        The connection was refused or reset before it was established. Not lost.
  closed before  The server's FIN or RST had arrived before the request was written. Not lost.
  executed but   Requests that the server says it has executed, less those that it answered (where it reports a count:
  unanswered     -count-url, -count-output).
  hung           The server had not exited -timeout after the signal. It is then killed.
  not run        The server was not said to offer what the scenario needs. Never counted as passed.

Failures before the signal are no losses of the shutdown: they make a scenario "failed".
`
