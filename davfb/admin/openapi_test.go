package admin_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fbgate/availability"
	at "fbgate/availability/availabilitytest"
	"fbgate/availability/doctor"
	"fbgate/availability/journal"
	"fbgate/availability/meter"
	"fbgate/availability/publisher"
	"fbgate/davfb/admin"
	"fbgate/davfb/face"

	"github.com/goccy/go-yaml"
)

// description is docs/openapi.yaml.
type description struct{ root map[string]any }

func describe(t *testing.T) description {
	t.Helper()
	text, err := os.ReadFile("../../docs/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var d description
	if err := yaml.Unmarshal(text, &d.root); err != nil {
		t.Fatal(err)
	}
	return d
}

// at follows a path of keys, and references on it.
func (d description) at(from any, keys ...string) any {
	for {
		object, _ := from.(map[string]any)
		if reference, ok := object["$ref"].(string); ok {
			path := strings.Split(strings.TrimPrefix(reference, "#/"), "/")
			if from = d.at(d.root, path...); from == nil {
				panic("there is no " + reference)
			}
			continue
		}
		if len(keys) == 0 {
			return from
		}
		from, keys = object[keys[0]], keys[1:]
		if from == nil {
			return nil
		}
	}
}

// faults says what is wrong with a value. What a schema does not name is a fault, too,
// so that nothing is told that is not described.
func (d description) faults(schema, value any, where string) (all []string) {
	s, ok := d.at(schema).(map[string]any)
	if !ok {
		return []string{where + ": there is no schema"}
	}
	if choices, ok := s["anyOf"].([]any); ok {
		for _, choice := range choices {
			faults := d.faults(choice, value, where)
			if len(faults) == 0 {
				return nil
			}
			all = append(all, faults...)
		}
		return all
	}
	kind := kindOf(value)
	kinds, _ := s["type"].([]any)
	if one, ok := s["type"].(string); ok {
		kinds = []any{one}
	}
	if !slices.Contains(kinds, any(kind)) && !(kind == "integer" && slices.Contains(kinds, any("number"))) {
		return []string{fmt.Sprintf("%s is %s, want %v", where, kind, kinds)}
	}
	if choices, ok := s["enum"].([]any); ok && !slices.Contains(choices, value) {
		all = append(all, fmt.Sprintf("%s is %v, want one of %v", where, value, choices))
	}
	switch v := value.(type) {
	case string:
		if s["format"] == "date-time" {
			if when, err := time.Parse(time.RFC3339Nano, v); err != nil || when.Location() != time.UTC {
				all = append(all, fmt.Sprintf("%s is %q, want a time in UTC", where, v))
			}
		}
	case []any:
		for i, item := range v {
			all = append(all, d.faults(s["items"], item, fmt.Sprintf("%s[%d]", where, i))...)
		}
	case map[string]any:
		properties, _ := s["properties"].(map[string]any)
		for name, member := range v {
			property := properties[name]
			if property == nil {
				property = s["additionalProperties"]
			}
			all = append(all, d.faults(property, member, where+"."+name)...)
		}
		required, _ := s["required"].([]any)
		for _, name := range required {
			if _, ok := v[name.(string)]; !ok {
				all = append(all, fmt.Sprintf("%s has no %s", where, name))
			}
		}
	}
	return all
}

func kindOf(value any) string {
	switch v := value.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case string:
		return "string"
	case float64:
		if v == math.Trunc(v) {
			return "integer"
		}
		return "number"
	case []any:
		return "array"
	}
	return "object"
}

// plain returns a value as JSON has it.
func plain(t *testing.T, value any) any {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	var same any
	if err := json.Unmarshal(text, &same); err != nil {
		t.Fatal(err)
	}
	return same
}

// check reports what is wrong with an answer.
func (d description) check(t *testing.T, operation string, w *httptest.ResponseRecorder) {
	t.Helper()
	method, path, _ := strings.Cut(operation, " ")
	if w.Header().Get("Content-Type") == "" { // net/http looks for itself then
		w.Header().Set("Content-Type", http.DetectContentType(w.Body.Bytes()))
	}
	kind, _, _ := strings.Cut(w.Header().Get("Content-Type"), ";")
	schema := d.at(d.root, "paths", path, strings.ToLower(method), "responses", fmt.Sprint(w.Code), "content", kind, "schema")
	if schema == nil {
		t.Errorf("%s: %d with %s is not described: %s", operation, w.Code, kind, w.Body)
		return
	}
	var values []any
	switch kind {
	case "text/plain":
		values = append(values, w.Body.String())
	case "application/json":
		values = append(values, decode(t, w.Body.Bytes()))
	case "application/x-ndjson":
		for line := range strings.Lines(w.Body.String()) {
			if line != "\n" {
				values = append(values, decode(t, []byte(line)))
			}
		}
	case "text/event-stream":
		for line := range strings.Lines(w.Body.String()) {
			if data, ok := strings.CutPrefix(line, "data: "); ok {
				values = append(values, decode(t, []byte(data)))
			}
		}
	}
	if len(values) == 0 {
		t.Errorf("%s: %d with %s is empty", operation, w.Code, kind)
	}
	for _, value := range values {
		for _, fault := range d.faults(schema, value, operation) {
			t.Error(fault)
		}
	}
}

func decode(t *testing.T, text []byte) (value any) {
	t.Helper()
	if err := json.Unmarshal(text, &value); err != nil {
		t.Errorf("%v: %s", err, text)
	}
	return value
}

// Every route is described, and nothing else is.
func TestDescriptionHasEveryRoute(t *testing.T) {
	var described []string
	for path, operations := range describe(t).root["paths"].(map[string]any) {
		for method := range operations.(map[string]any) {
			described = append(described, strings.ToUpper(method)+" "+path)
		}
	}
	routes := admin.Routes()
	slices.Sort(described)
	slices.Sort(routes)
	if !slices.Equal(described, routes) {
		t.Errorf("docs/openapi.yaml has\n%s\nthere are\n%s", strings.Join(described, "\n"), strings.Join(routes, "\n"))
	}
}

// Every schema that is meant is there, and every example is one of its schema.
func TestDescriptionIsWhole(t *testing.T) {
	d, examples := describe(t), 0
	var walk func(any)
	walk = func(node any) {
		switch n := node.(type) {
		case map[string]any:
			d.at(n) // panics if it refers to nothing
			if example, ok := n["example"]; ok {
				examples++
				for _, fault := range d.faults(n["schema"], plain(t, example), "example") {
					t.Error(fault)
				}
			}
			for _, child := range n {
				walk(child)
			}
		case []any:
			for _, child := range n {
				walk(child)
			}
		}
	}
	walk(d.root)
	if examples < 5 {
		t.Errorf("only %d examples", examples)
	}
}

// everything is a gateway that has everything there can be.
func everything(t *testing.T) *operators {
	kept := journal.New(10)
	o := newOperators(func(c *admin.Config) {
		c.Journal, c.Doctor, c.Organizations = kept, healer(nil), fares
		c.Configuration = func() admin.Configuration {
			return admin.Configuration{File: "fbgate.yaml", Loaded: at.Epoch, Text: "listen: 127.0.0.1:8080\n", Restart: []string{"listen"}}
		}
		c.Reload = func() error { return nil }
		p, err := publisher.New(publisher.Config{
			Organization: "contoso2003", Root: "http://127.0.0.1:1/public/", Source: organization("contoso"),
			Recipients: nobody{}, State: filepath.Join(t.TempDir(), "publish.db"),
		})
		if err != nil {
			t.Fatal(err)
		}
		c.Publisher = p
	})
	o.remember(t, "contoso", 0, "mary@contoso.com", "nobody@contoso.com")
	kept.Add(someLookup())
	return o
}

type nobody struct{}

func (nobody) All(context.Context) iter.Seq2[publisher.Recipient, error] {
	return func(func(publisher.Recipient, error) bool) {}
}

func someLookup() journal.Lookup {
	return journal.Lookup{
		ID: "r1", At: at.Epoch, Face: "free/busy", Client: "192.0.2.1:1234", Mailboxes: 2,
		Window: availability.Window{Start: at.Epoch, End: at.Epoch.AddDate(0, 0, 1)}, Interval: 30 * time.Minute, Answer: 1234567 * time.Nanosecond,
		Told: []journal.Told{
			{Mailbox: "mary@contoso.com", Organization: "contoso", Cached: true, Age: time.Minute},
			{Mailbox: "joe@fabrikam.com", Organization: "fabrikam", Reason: availability.Because(availability.Timeout, "slow")},
		},
	}
}

// healer finds that all is well, or what is wrong with the request.
func healer(wrong error) func(context.Context, availability.Mailbox, string, availability.Mailbox) (iter.Seq[doctor.Hop], error) {
	return func(_ context.Context, m availability.Mailbox, organization string, _ availability.Mailbox) (iter.Seq[doctor.Hop], error) {
		return slices.Values([]doctor.Hop{
			{Name: doctor.Route, Found: "organization contoso"},
			{Name: doctor.Autodiscover, Where: "contoso", Found: "EWS", Steps: []doctor.Step{{Text: "asked", Took: time.Millisecond}}, Took: time.Millisecond},
			{Name: doctor.Call, Where: "contoso", Reason: availability.Because(availability.Timeout, "slow"), Remedy: "Wait.", Moved: organization != ""},
			{Name: doctor.Digits, Where: "contoso", Found: "0022"},
		}), wrong
	}
}

func fares() []admin.Organization {
	return []admin.Organization{
		{Name: "contoso", AccessMethod: "OrgWideFB", Domains: []string{"contoso.com"}, Servers: []admin.Server{
			{Name: "https://mail.contoso.com/", State: admin.Resting, Until: at.Epoch, Reason: availability.Because(availability.TLS, "old")},
			{Name: "https://mail2.contoso.com/", State: admin.Serving, LastGood: at.Epoch, CertificateEnds: at.Epoch, TokenEnds: at.Epoch},
		}, Totals: meter.Totals{Calls: 1, Failed: map[availability.Code]uint64{availability.TLS: 1}, LastGood: at.Epoch, LastBad: at.Epoch, Why: availability.Because(availability.TLS, "old")},
			Hour: []meter.Minute{{Start: at.Epoch, Calls: 1}}, Remembered: 1, Bytes: 1000},
		{Name: "fabrikam"},
	}
}

// Whatever is answered is as described, and each success that is described is answered.
func TestAnswersAreAsDescribed(t *testing.T) {
	d := describe(t)
	o, bare := everything(t), newOperators(func(c *admin.Config) { c.Token = func() (string, error) { return "s3cret", nil } })
	unready := newOperators(func(c *admin.Config) { c.Ready = func() bool { return false } })
	listed := newOperators(nil)
	if _, ok := listed.caches.Turn(t.Context()); !ok {
		t.Fatal("somebody lists already")
	}
	busy := newOperators(func(c *admin.Config) { c.Doctor = healer(admin.ErrBusy) })
	stubborn := newOperators(func(c *admin.Config) {
		c.Configuration = func() admin.Configuration { return admin.Configuration{} }
		c.Reload = func() error { return errors.New("fbgate.yaml:1:1: unknown key") }
	})
	refusing := func(status int) *operators {
		return newOperators(func(c *admin.Config) {
			c.SignIn = func(*http.Request, string, string) (string, error) {
				return "", &face.Refusal{Status: status, Text: "no", RetryAfter: time.Second}
			}
		})
	}
	answered := make(map[string]bool)
	const form = "application/x-www-form-urlencoded"
	for _, test := range []struct {
		o                  *operators
		operation, request string
		kind, body, accept string
		status             int
	}{
		{o, "GET /healthz", "/healthz", "", "", "", 200},
		{o, "GET /readyz", "/readyz", "", "", "", 200},
		{unready, "GET /readyz", "/readyz", "", "", "", 503},
		{o, "GET /cache", "/cache", "", "", "", 200},
		{o, "GET /cache", "/cache?limit=1&order=expiry", "", "", "", 200},
		{o, "GET /cache", "/cache?organization=northwind", "", "", "", 404},
		{o, "GET /cache", "/cache?limit=0", "", "", "", 400},
		{listed, "GET /cache", "/cache", "", "", "", 503},
		{o, "POST /cache/refresh", "/cache/refresh?mailbox=mary@contoso.com", "", "", "", 202},
		{o, "POST /cache/refresh", "/cache/refresh?organization=contoso", "", "", "", 202},
		{o, "POST /cache/refresh", "/cache/refresh?organization=northwind", "", "", "", 404},
		{o, "POST /cache/refresh", "/cache/refresh", "", "", "", 202},
		{o, "POST /cache/refresh", "/cache/refresh?mailbox=a@b.c&organization=contoso", "", "", "", 400},
		{o, "POST /cache/refresh", "/cache/refresh?all=1", "", "", "", 400},
		{o, "DELETE /cache", "/cache?mailbox=mary@contoso.com", "", "", "", 200},
		{o, "DELETE /cache", "/cache?organization=northwind", "", "", "", 404},
		{o, "GET /configuration", "/configuration", "", "", "", 200},
		{o, "GET /configuration", "/configuration?all=1", "", "", "", 400},
		{newOperators(nil), "GET /configuration", "/configuration", "", "", "", 404},
		{o, "POST /reload", "/reload", "", "", "", 200},
		{o, "POST /reload", "/reload?file=/etc/passwd", "", "", "", 400},
		{newOperators(nil), "POST /reload", "/reload", "", "", "", 404},
		{stubborn, "POST /reload", "/reload", "", "", "", 422},
		{bare, "POST /reload", "/reload", "", "", "", 401},
		{o, "POST /doctor", "/doctor", "application/json", `{"mailbox": "mary@contoso.com"}`, "", 200},
		{o, "POST /doctor", "/doctor", form, "mailbox=mary%40contoso.com&organization=contoso&as=joe%40contoso.com", "text/event-stream", 200},
		{o, "POST /doctor", "/doctor", form, "mailbox=", "", 400},
		{o, "POST /doctor", "/doctor", form, "mailbox=a&mailbox=b", "", 400},
		{o, "POST /doctor", "/doctor", form, "mailbox=a&mailbax=b", "", 400},
		{o, "POST /doctor", "/doctor", "application/json", `["mary@contoso.com"]`, "", 400},
		{o, "POST /doctor", "/doctor", "application/json", `{"mailbox": "` + strings.Repeat("x", 5000) + `"}`, "", 413},
		{o, "POST /doctor", "/doctor", "text/plain", "mary@contoso.com", "", 415},
		{busy, "POST /doctor", "/doctor", form, "mailbox=a", "", 503},
		{newOperators(nil), "POST /doctor", "/doctor", form, "mailbox=a", "", 404},
		{o, "GET /lookups", "/lookups", "", "", "", 200},
		{o, "GET /lookups", "/lookups?mailbox=mary@contoso.com&since=0&limit=5", "", "", "", 200},
		{o, "GET /lookups", "/lookups?since=0", "", "", "text/event-stream", 200},
		{o, "GET /lookups", "/lookups?since=0&follow=1", "", "", "", 200},
		{o, "GET /lookups", "/lookups?reason=none", "", "", "", 400},
		{o, "GET /lookups", "/lookups?follow=yes", "", "", "", 400},
		{o, "GET /lookups", "/lookups?since=-1", "", "", "", 400},
		{o, "GET /lookups/{number}", "/lookups/1", "", "", "", 200},
		{o, "GET /lookups/{number}", "/lookups/2", "", "", "", 404},
		{o, "GET /lookups/{number}", "/lookups/x", "", "", "", 400},
		{o, "GET /metrics", "/metrics", "", "", "", 200},
		{bare, "GET /metrics", "/metrics", "", "", "", 401},
		{o, "GET /organizations", "/organizations", "", "", "", 200},
		{newOperators(nil), "GET /organizations", "/organizations", "", "", "", 404},
		{o, "GET /publish", "/publish", "", "", "", 200},
		{bare, "GET /cache", "/cache", "", "", "", 401},
		{bare, "POST /cache/refresh", "/cache/refresh?mailbox=a@b.c", "", "", "", 401},
		{bare, "POST /doctor", "/doctor", form, "mailbox=a", "", 401},
		{bare, "GET /lookups", "/lookups", "", "", "", 401},
		{bare, "GET /organizations", "/organizations", "", "", "", 401},
		{refusing(401), "GET /cache", "/cache", "", "", "", 401},
		{refusing(403), "DELETE /cache", "/cache", "", "", "", 403},
		{refusing(429), "GET /metrics", "/metrics", "", "", "", 429},
		{refusing(429), "POST /reload", "/reload", "", "", "", 429},
		{refusing(503), "GET /lookups", "/lookups", "", "", "", 503},
		{refusing(503), "GET /publish", "/publish", "", "", "", 503},
	} {
		method, _, _ := strings.Cut(test.operation, " ")
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond) // of those who follow
		r := httptest.NewRequestWithContext(ctx, method, "http://localhost:8081"+test.request, bytes.NewBufferString(test.body))
		r.Header.Set("Content-Type", test.kind)
		r.Header.Set("Accept", test.accept)
		r.SetBasicAuth("mary", "secret") // which is looked at where it may be
		w := test.o.send(r)
		cancel()
		if w.Code != test.status {
			t.Errorf("%s %s: %d, want %d: %s", method, test.request, w.Code, test.status, w.Body)
		}
		d.check(t, test.operation, w)
		kind, _, _ := strings.Cut(w.Header().Get("Content-Type"), ";")
		answered[fmt.Sprint(test.operation, " ", w.Code, " ", kind)] = true
	}
	for path, operations := range d.root["paths"].(map[string]any) {
		for method, operation := range operations.(map[string]any) {
			responses := d.at(operation, "responses").(map[string]any)
			for _, status := range slices.Sorted(maps.Keys(responses)) {
				content := d.at(responses[status], "content").(map[string]any)
				for kind := range content {
					key := fmt.Sprint(strings.ToUpper(method), " ", path, " ", status, " ", kind)
					if status < "300" && !answered[key] {
						t.Errorf("%s is described, and was not answered", key)
					}
				}
			}
		}
	}
}

// A page of another site changes nothing and learns nothing.
func TestOtherSitesAskForNothing(t *testing.T) {
	o := everything(t)
	for _, target := range []string{"/doctor", "/cache/refresh?mailbox=mary@contoso.com"} {
		r := httptest.NewRequest(http.MethodPost, "http://localhost:8081"+target, strings.NewReader("mailbox=mary%40contoso.com"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		if w := o.send(r); w.Code != http.StatusForbidden {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
}
