package kdctest

import (
	"net/http"

	"github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/jcmturner/gokrb5/v8/service"
	"github.com/jcmturner/gokrb5/v8/spnego"
)

// Negotiate lets through to next who shows a ticket for the service the keytab is
// of, and answers 401 to others. A ticket's authenticator is good once. It panics if
// the keytab is not one.
func Negotiate(next http.Handler, content []byte) http.Handler {
	keys := keytab.New()
	if err := keys.Unmarshal(content); err != nil {
		panic(err)
	}
	return spnego.SPNEGOKRB5Authenticate(next, keys, service.DecodePAC(false))
}
