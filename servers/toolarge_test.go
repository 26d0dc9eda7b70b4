package servers_test

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Who has sent more than http.MaxBytesReader takes gets his answer and the end of the
// stream, as from net/http, not a reset that may overtake them.
func TestAnAnswerToABodyThatIsTooLargeIsNotDestroyedByAReset(t *testing.T) {
	const size = 4 << 20
	for _, status := range []int{http.StatusRequestEntityTooLarge, http.StatusBadRequest} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			t.Parallel()
			tr := serveHTTP(t, quick(), func(w http.ResponseWriter, r *http.Request) {
				r.Body = http.MaxBytesReader(w, r.Body, 10)
				_, err := io.ReadAll(r.Body)
				http.Error(w, err.Error(), status)
			})
			l := dialLine(t, "tcp", tr.addr("http"))
			l.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + strconv.Itoa(size) + "\r\n\r\n")
			sent := make(chan struct{})
			go func() {
				defer close(sent)
				_, _ = io.WriteString(l, strings.Repeat("x", size)) // as far as it is taken
			}()
			answer, err := io.ReadAll(l.r)
			require.NoError(t, err)
			require.Contains(t, string(answer), "HTTP/1.1 "+strconv.Itoa(status))
			require.Contains(t, string(answer), "\r\nConnection: close\r\n")
			_ = l.Close()
			<-sent
			require.NoError(t, tr.drained().Err()) // net/http waits for half a second before it closes
		})
	}
}
