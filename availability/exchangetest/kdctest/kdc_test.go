package kdctest_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"fbgate/availability/exchangetest/kdctest"

	"github.com/jcmturner/gokrb5/v8/client"
	"github.com/jcmturner/gokrb5/v8/config"
	"github.com/jcmturner/gokrb5/v8/spnego"
)

func TestKDC(t *testing.T) {
	kdc := kdctest.Start(t)
	kdc.AddUser("svc", "secret")
	handler := kdctest.Negotiate(http.NotFoundHandler(), kdc.AddService("HTTP/mail.kdc.test"))

	settings, err := config.Load(kdc.Config)
	if err != nil {
		t.Fatal(err)
	}
	settings.LibDefaults.UDPPreferenceLimit = 1
	login := client.NewWithPassword("svc", kdctest.Realm, "secret", settings)
	defer login.Destroy()
	r := httptest.NewRequest(http.MethodGet, "http://mail.kdc.test/", nil)
	if err := spnego.SetSPNEGOHeader(login, r, "HTTP/mail.kdc.test"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{http.StatusNotFound, http.StatusUnauthorized} { // the second is a replay
		w := httptest.NewRecorder()
		if handler.ServeHTTP(w, r); w.Code != want {
			t.Errorf("status %d, want %d", w.Code, want)
		}
	}
	if err := client.NewWithPassword("svc", kdctest.Realm, "wrong", settings).Login(); err == nil {
		t.Error("logged in with a wrong password")
	}
	if in, out, tickets := kdc.LogIns("svc"), kdc.Refusals("svc"), kdc.Tickets("HTTP/mail.kdc.test"); in != 1 || out != 1 || tickets != 1 {
		t.Errorf("the log has %d log-ins, %d refusals and %d tickets, want one each", in, out, tickets)
	}
}
