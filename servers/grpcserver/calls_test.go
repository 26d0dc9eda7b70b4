package grpcserver_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// gRPC tags such a call, and tells nobody of its end: a health check of a server that
// has registered no health service, for one.
func TestACallOfWhatIsNotRegisteredHoldsNothingUp(t *testing.T) {
	for name, c := range transports(t) {
		t.Run(name, func(t *testing.T) {
			h := start(t, 5*time.Second, new(echo).server(c.options, c.server...))
			cc := dial(t, h.Addrs()["grpc"], c.client...)
			for _, method := range []string{"/drain.Echo/Nothing", "/grpc.health.v1.Health/Check"} {
				err := cc.Invoke(context.Background(), method, wrapperspb.String("x"), new(text))
				require.Equal(t, codes.Unimplemented, status.Code(err), err)
			}
			_, err := say(cc, "x")
			require.NoError(t, err)
			require.Eventually(t, func() bool { // a call's end comes after its answer
				return h.Gauges().Servers()["grpc"].InFlight == 0
			}, 5*time.Second, time.Millisecond)
			r := shutdown(h)
			require.NoError(t, r.Err(), r)
			require.Less(t, r.Took, time.Second)
		})
	}
}
