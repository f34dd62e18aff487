package face

import (
	"context"
	"net/http"
	"net/netip"

	"fbgate/availability"
)

type requesterKey struct{}

// WithRequester returns r as the request of somebody who has logged in.
func WithRequester(r *http.Request, who availability.Requester) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), requesterKey{}, who))
}

// Requester returns who sent r: the one [WithRequester] named, and in any case the
// address the request came from.
func Requester(r *http.Request) availability.Requester {
	who, _ := r.Context().Value(requesterKey{}).(availability.Requester)
	if !who.Address.IsValid() {
		if client, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
			who.Address = client.Addr().Unmap()
		}
	}
	return who
}
