package login

import (
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"fbgate/availability"
	"fbgate/davfb/face"
)

// Header is the name a front end in the organization's own hands has found out, in a
// header field it adds to the request, such as X-Remote-User. The front end has to
// remove what its clients write there.
type Header struct {
	// Name is that of the field.
	Name string
	// Proxies are the front ends. The field of everybody else is ignored: a request
	// counts only if it comes straight from one of them.
	Proxies face.TrustedProxies
	// Accounts, nil if there are none, know more of the name than what it is.
	Accounts Accounts
}

var _ Method = Header{}

// Identify implements Method.
func (h Header) Identify(_ http.ResponseWriter, r *http.Request) (who availability.Requester, ok bool, err error) {
	if !h.Proxies.Trusts(r) {
		return who, false, nil
	}
	values := r.Header.Values(h.Name)
	if len(values) == 0 || len(values) == 1 && values[0] == "" {
		return who, false, nil
	}
	name := values[0]
	switch {
	case len(values) > 1 || strings.ContainsRune(name, ','):
		return who, false, fmt.Errorf("the front end's %s names several", h.Name)
	case unfit(name) != "":
		return who, false, fmt.Errorf("the name in the front end's %s %s", h.Name, unfit(name))
	case !utf8.ValidString(name):
		return who, false, fmt.Errorf("the name in the front end's %s is not UTF-8", h.Name)
	}
	who, err = Resolve(r.Context(), h.Accounts, name)
	return who, err == nil, err
}

// Challenge implements Method. How to log in is the front end's to say.
func (h Header) Challenge(http.Header, *http.Request) (status int) { return 0 }
