package admin_test

import (
	"errors"
	"net/http/httptest"
	"testing"
	"time"

	"fbgate/davfb/admin"
)

func TestConfiguration(t *testing.T) {
	var reloads int
	var failure error
	o := newOperators(func(c *admin.Config) {
		c.Configuration = func() admin.Configuration {
			return admin.Configuration{
				File: "fbgate.yaml", Loaded: time.Date(2026, 11, 23, 8, 0, 0, 5, time.FixedZone("", 3600)), Text: "listen: 127.0.0.1:8080\n",
				Changed: "+ cache.stale: 2h\n", Changes: "- cache.ttl: 15m\n+ cache.ttl: 5m\n", Restart: []string{"listen"},
			}
		}
		c.Reload = func() error { reloads++; return failure }
	})
	const shown = `{
  "file": "fbgate.yaml",
  "loaded": "2026-11-23T07:00:00Z",
  "text": "listen: 127.0.0.1:8080\n",
  "changes": "- cache.ttl: 15m\n+ cache.ttl: 5m\n",
  "restart": [
    "listen"
  ],
  "fault": ""
}
`
	if w := o.do("GET", "/configuration"); w.Code != 200 || w.Body.String() != shown {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := o.do("POST", "/reload"); w.Code != 200 || w.Body.String() != "{\n  \"reloaded\": true,\n  \"changes\": \"+ cache.stale: 2h\\n\",\n  \"restart\": [\n    \"listen\"\n  ]\n}\n" || reloads != 1 {
		t.Errorf("%d %s after %d reloads", w.Code, w.Body, reloads)
	}
	failure = errors.New("1 fault in the configuration")
	if w := o.do("POST", "/reload"); w.Code != 422 || message(t, w) != "the one before stays in force: 1 fault in the configuration" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := o.do("GET", "/reload"); w.Code != 405 || w.Header().Get("Allow") != "POST" || message(t, w) != "this takes POST" {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	reloads = 0
	for name, value := range map[string]string{"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site"} {
		r := httptest.NewRequest("POST", "http://localhost:8081/reload", nil)
		r.Header.Set(name, value)
		if w := o.send(r); w.Code != 403 || reloads != 0 {
			t.Errorf("%s: %d %s, %d reloads", name, w.Code, w.Body, reloads)
		}
	}
	none := newOperators(nil)
	for _, request := range [][2]string{{"GET", "/configuration"}, {"POST", "/reload"}} {
		if w := none.do(request[0], request[1]); w.Code != 404 {
			t.Errorf("%v without either: %d %s", request, w.Code, w.Body)
		}
	}
	guarded := newOperators(func(c *admin.Config) { c.Token = func() (string, error) { return "s3cret", nil } })
	for _, request := range [][2]string{{"GET", "/configuration"}, {"POST", "/reload"}} {
		if w := guarded.do(request[0], request[1]); w.Code != 401 {
			t.Errorf("%v without a token: %d %s", request, w.Code, w.Body)
		}
	}
}
