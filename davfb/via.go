package davfb

import (
	"net/http"
	"slices"
	"strings"

	"fbgate/availability"
	"fbgate/davfb/face"
)

// mostGateways bounds how many gateways a question is said to have passed. Nobody has
// so many.
const mostGateways = 20

// passed returns the gateways a request has passed, this one last. The error, a
// *face.Refusal, is that it has come round to this one: two that take each other for the
// holder of a domain would ask each other for ever. Only gateways say whom they have
// passed, so it is one that is refused, and none of the old clients.
func (f *gate) passed(r *http.Request) (via string, err error) {
	if len(r.Header[availability.ViaHeader]) == 0 {
		return f.Name, nil
	}
	var names []string
	for _, header := range r.Header[availability.ViaHeader] {
		for name := range strings.SplitSeq(header, ",") {
			if name = strings.TrimSpace(name); face.IsToken(name) {
				names = append(names, name)
			}
		}
	}
	if slices.Contains(names, f.Name) {
		return "", &face.Refusal{Status: http.StatusLoopDetected, Text: "This gateway has asked that itself: two gateways take each other for the holder of a domain."}
	}
	return strings.Join(append(names[max(0, len(names)-mostGateways):], f.Name), ", "), nil
}
