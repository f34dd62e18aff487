package davfb

import (
	"net/http"
	"strings"

	"fbgate/availability"
)

// gatewayPrefix begins the names of gateways like this one in Via headers.
const gatewayPrefix = "fbgate-"

// mostGateways is how many of them a question may have passed.
const mostGateways = 4

// lookup asks the Source, unless the question has come round to a gateway that
// asked it: two that take each other for the holder of a domain would go on for
// ever. RFC 9110 7.6.3 has Via to find that out.
func (f *face) lookup(r *http.Request, q availability.Query) []availability.Answer {
	passed, loop := f.passed(r)
	if loop != nil {
		return availability.Fail(q, loop)
	}
	q.Via = passed
	return f.Source.Lookup(r.Context(), q)
}

// passed returns the gateways a request has passed, this one last, or why it must
// go no further.
func (f *face) passed(r *http.Request) (via string, loop *availability.Reason) {
	if len(r.Header["Via"]) == 0 {
		return f.via, nil
	}
	var gateways []string
	for _, header := range r.Header["Via"] {
		for hop := range strings.SplitSeq(header, ",") {
			hop = strings.TrimSpace(hop)
			_, name, _ := strings.Cut(hop, " ")
			if !strings.HasPrefix(name, gatewayPrefix) || len(hop) > 100 {
				continue // proxies of other kinds go round in no circle with us
			}
			if gateways = append(gateways, hop); hop == f.via || len(gateways) >= mostGateways {
				return "", availability.Because(availability.Loop, "the question has passed %s", strings.Join(gateways, ", "))
			}
		}
	}
	return strings.Join(append(gateways, f.via), ", "), nil
}
