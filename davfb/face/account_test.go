package face_test

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"fbgate/davfb/face"
)

func TestBasic(t *testing.T) {
	password := func(p string) func() (string, error) { return func() (string, error) { return p, nil } }
	authenticate := face.Basic([]face.Account{
		{Username: "zimbra", Password: password("secret")}, {Username: "gcc", Password: password("other")},
		{Username: "empty", Password: password("")},
		{Username: "lost", Password: func() (string, error) { return "", errors.New("gone") }},
	})
	handler := face.Serve(slog.New(slog.DiscardHandler), func(w http.ResponseWriter, r *http.Request, _ string) error {
		who, err := authenticate(r)
		w.Header().Set("Who", who)
		return err
	})
	for _, test := range []struct{ username, password, who string }{
		{"zimbra", "secret", "zimbra"}, {"gcc", "other", "gcc"},
		{"zimbra", "other", ""}, {"gcc", "secret", ""}, {"zimbra", "", ""}, {"", "", ""}, {"ZIMBRA", "secret", ""},
		{"empty", "", ""}, {"nobody", "secret", ""},
	} {
		r, w := httptest.NewRequest(http.MethodPut, "/freebusy/mary@contoso.com.vfb", nil), httptest.NewRecorder()
		if test.username != "" {
			r.SetBasicAuth(test.username, test.password)
		}
		handler.ServeHTTP(w, r)
		status, challenge := http.StatusOK, ""
		if test.who == "" {
			status, challenge = http.StatusUnauthorized, `Basic realm="fbgate"`
		}
		if w.Code != status || w.Header().Get("Who") != test.who || w.Header().Get("WWW-Authenticate") != challenge {
			t.Errorf("%+v: %d %v", test, w.Code, w.Header())
		}
	}

	// Whose password cannot be read has not given a wrong one.
	r, w := httptest.NewRequest(http.MethodPut, "/freebusy/mary@contoso.com.vfb", nil), httptest.NewRecorder()
	r.SetBasicAuth("lost", "")
	handler.ServeHTTP(w, r)
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("WWW-Authenticate") != "" || w.Header().Get("Who") != "" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}
