package credential_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"fbgate/availability/exchangetest/authtest"
)

// The load at which clients that share one transport lose their authentication:
// 2,000 calls by 50 callers, and a server that sends a page with each 401.
func TestNTLMManyCalls(t *testing.T) {
	for _, connections := range []int{0, 50} {
		t.Run(fmt.Sprint(connections, " connections"), func(t *testing.T) {
			handler := authtest.NTLM(echoBody, svc.Start(t))
			server := serveNTLM(t, handler)
			kind := ntlm(`FABRIKAM\svc`, svc.Password)
			kind.Connections = connections
			client := transport(t, kind)

			const calls, callers = 2000, 50
			var failed, next atomic.Int32
			var group sync.WaitGroup
			for range callers {
				group.Go(func() {
					for i := next.Add(1); i <= calls; i = next.Add(1) {
						status, answer, err := post(t.Context(), client, server.URL, fmt.Sprint(i))
						if want := fmt.Sprintf(`FABRIKAM\svc: %d`, i); err != nil || status != http.StatusOK || answer != want {
							failed.Add(1)
							t.Errorf("call %d: HTTP %d %.100q, %v", i, status, answer, err)
						}
					}
				})
			}
			group.Wait()
			counts := handler.Counts()
			t.Logf("%+v", counts)
			if counts.Connections < max(connections, 5) {
				t.Errorf("%+v: the calls were not made at the same time", counts)
			}
			if counts.Accepted != counts.Connections {
				t.Errorf("%+v, want a handshake for each connection", counts)
			}
			// On a busy machine net/http gives up a connection now and then: when its
			// own goroutine has not reported a write within 50 ms.
			if float64(counts.Requests) >= 1.1*calls {
				t.Errorf("%d requests for %d calls", counts.Requests, calls)
			}
			holdAll(t, client, server.URL, max(connections, 5))
		})
	}
}

// Calls one by one stay on one connection, though there could be five, and on the
// one that is authenticated for their host.
func TestNTLMLightLoadKeepsOneConnection(t *testing.T) {
	inNetwork(t, func(t *testing.T, n *network) {
		handler := authtest.NTLM(echoBody, accepting)
		client := n.client(t, handler, same, 5)
		holdAll(t, client, "http://one/", 5)
		for range 10 {
			holdAll(t, client, "http://one/", 1)
			holdAll(t, client, "http://two/", 1)
		}
		if counts := handler.Counts(); counts.Connections != 5+1 || counts.Requests != 5*2+10+1+10 {
			t.Errorf("%+v", counts)
		}
	})
}

// Who waits for a lane does so as long as the context lets it.
func TestNTLMWaitsForALane(t *testing.T) {
	server := serveNTLM(t, authtest.NTLM(echoBody, accepting))
	kind := ntlm("svc", "secret")
	kind.Connections = 1
	client := transport(t, kind)

	r, _ := http.NewRequest(http.MethodGet, server.URL, nil)
	held, err := client.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	enough := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(enough)
	if _, _, err := post(ctx, client, server.URL, "question"); !errors.Is(err, enough) {
		t.Errorf("a request that cannot wait: %v", err)
	}
	waiting := make(chan error)
	go func() {
		_, _, err := post(t.Context(), client, server.URL, "question")
		waiting <- err
	}()
	held.Body.Close() // unread: this costs the connection, but not the lane
	held.Body.Close()
	if err := <-waiting; err != nil {
		t.Error(err)
	}
	holdAll(t, client, server.URL, 1)
}

func BenchmarkNTLM(b *testing.B) {
	server := serveNTLM(b, authtest.NTLM(echoBody, accepting))
	bench := func(client http.RoundTripper) func(*testing.B) {
		return func(b *testing.B) {
			for b.Loop() {
				if _, _, err := post(b.Context(), client, server.URL, "question"); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	b.Run("authenticated", bench(transport(b, ntlm("svc", "secret"))))
	b.Run("without", bench(own(b, &http.Transport{MaxConnsPerHost: 1}))) // a 401, which costs the server as little
}
