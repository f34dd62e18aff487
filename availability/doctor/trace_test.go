package doctor_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"fbgate/availability/doctor"
)

type transport func(*http.Request) (*http.Response, error)

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

// body counts what is done with it.
type body struct {
	io.Reader
	closed int
	err    error
}

func (b *body) Close() error {
	b.closed++
	return b.err
}

// What is watched is what it would be without.
func TestTraceChangesNothing(t *testing.T) {
	failure := errors.New("cannot be closed")
	sent, came := &body{Reader: strings.NewReader("question")}, &body{Reader: strings.NewReader("answer"), err: failure}
	opened := 0
	r := httptest.NewRequest(http.MethodPost, "http://contoso.com/", nil)
	r.Body, r.ContentLength = sent, 8
	r.GetBody = func() (io.ReadCloser, error) {
		opened++
		return io.NopCloser(strings.NewReader("question")), nil
	}
	r.Header.Set("Authorization", "Basic c2VjcmV0")
	response := &http.Response{Proto: "HTTP/1.1", Status: "200 OK", StatusCode: 200, ContentLength: 6, Body: came, Header: http.Header{"Set-Cookie": {"a=b"}}}
	var trace doctor.Trace
	got, err := trace.Transport(transport(func(passed *http.Request) (*http.Response, error) {
		content, err := io.ReadAll(passed.Body)
		if passed != r || err != nil || string(content) != "question" || passed.ContentLength != 8 || passed.Header.Get("Authorization") != "Basic c2VjcmV0" {
			t.Errorf("%+v: %q, %v", passed, content, err)
		}
		return response, nil
	})).RoundTrip(r)
	if err != nil || got != response || got.ContentLength != 6 || got.Header.Get("Set-Cookie") != "a=b" || sent.closed != 0 || opened != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	content, err := io.ReadAll(got.Body)
	if err != nil || string(content) != "answer" || came.closed != 0 {
		t.Errorf("%q, %v", content, err)
	}
	if err := got.Body.Close(); !errors.Is(err, failure) || came.closed != 1 {
		t.Errorf("%v, closed %d times", err, came.closed)
	}
	if text := trace.String(); !strings.Contains(text, "question") || !strings.Contains(text, "answer") || strings.Contains(text, "c2VjcmV0") {
		t.Error(text)
	}

	none := &http.Response{StatusCode: 204, Body: http.NoBody}
	got, _ = trace.Transport(transport(func(*http.Request) (*http.Response, error) { return none, nil })).RoundTrip(r)
	if got.Body != http.NoBody {
		t.Error("no body has become one")
	}
	got, err = trace.Transport(transport(func(*http.Request) (*http.Response, error) { return nil, failure })).RoundTrip(r)
	if got != nil || err != failure || !strings.Contains(trace.String(), "cannot be closed") {
		t.Errorf("%v, %v", got, err)
	}
}

// A response is told of although nobody reads it, and one that is long, or comes
// very often, not in full.
func TestTraceIsBounded(t *testing.T) {
	var trace doctor.Trace
	long := strings.Repeat("long ", 10_000)
	watched := trace.Transport(transport(func(r *http.Request) (*http.Response, error) {
		return &http.Response{Status: "200 OK", StatusCode: 200, Body: io.NopCloser(strings.NewReader(long))}, nil
	}))
	ask := func(read bool) {
		r := httptest.NewRequest(http.MethodPost, "http://contoso.com/", nil)
		r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(long)), nil }
		response, err := watched.RoundTrip(r)
		if err != nil {
			t.Error(err)
			return
		}
		if read {
			_, _ = io.Copy(io.Discard, response.Body)
		}
	}
	ask(false)
	if text := trace.String(); !strings.Contains(text, "200 OK") || len(text) > 20_000 {
		t.Errorf("%d bytes: %.1000s", len(text), text)
	}
	ask(true)
	if text := trace.String(); !strings.Contains(text, "… and 33616 bytes more") || len(text) > 55_000 {
		t.Errorf("%d bytes", len(text))
	}
	var all sync.WaitGroup
	for i := range 218 {
		all.Go(func() {
			ask(i%2 == 0)
			if i == 100 {
				_ = trace.String()
			}
		})
	}
	all.Wait()
	if text := trace.String(); !strings.Contains(text, "=== and 20 more") || len(text) > 8<<20 {
		t.Errorf("%d bytes", len(text))
	}
}

// Whatever is confidential goes, however it is written and wherever it ends.
func TestTraceRedacts(t *testing.T) {
	const secret = "hush-hush"
	for name, test := range map[string]struct {
		request, response http.Header
		url, body         string
	}{
		"password in the URL":      {url: "http://mary:hush-hush@contoso.com/"},
		"negotiate, after a tab":   {response: http.Header{"Www-Authenticate": {"Negotiate\thush-hush"}}},
		"several in one line":      {response: http.Header{"Www-Authenticate": {"NTLM hush-hush, Negotiate hush-hush"}}},
		"of an unknown scheme":     {request: http.Header{"Authorization": {"hush-hush"}}},
		"cookies":                  {request: http.Header{"Cookie": {"hush-hush"}}, response: http.Header{"Set-Cookie": {"a=hush-hush; path=/"}}},
		"header of a token":        {response: http.Header{"X-Session-Token": {"hush-hush"}}},
		"where a redirect leads":   {response: http.Header{"Location": {"https://sts.contoso.com/?code=hush-hush"}}},
		"repeated password":        {request: http.Header{"Authorization": {"Basic c3ZjOmh1c2gtaHVzaA=="}}, body: "<html>svc:hush-hush, c3ZjOmh1c2gtaHVzaA==</html>"},
		"repeated token":           {request: http.Header{"Authorization": {"Bearer hush-hush"}}, response: http.Header{"X-Echo": {"hush-hush"}}},
		"token":                    {body: `{"access_token" : "hush-hush"}`},
		"token cut off":            {body: `{"id_token":"hush-hush`},
		"subject":                  {body: `<t:Subject>hush-hush</t:Subject>`},
		"subject over two lines":   {body: "<Subject a='b'>\nhush-\nhush-hush</Subject >"},
		"subject as CDATA":         {body: `<x-y.z:Location><![CDATA[hush-hush]]></x-y.z:Location>`},
		"subject cut off":          {body: `<t:Subject>hush-hush`},
		"details":                  {body: `<t:CalendarEventDetails><t:Other>hush-hush</t:Other></t:CalendarEventDetails>`},
		"details cut off":          {body: `<t:CalendarEventDetails><t:ID>1</t:ID><t:Other>hush-hush`},
		"subject in another form":  {body: "<\x00S\x00u\x00b\x00 hush-hush"},
		"details of a second, too": {body: `<t:CalendarEventDetails>1</t:CalendarEventDetails><t:CalendarEventDetails>hush-hush</t:CalendarEventDetails>`},
	} {
		var trace doctor.Trace
		target := test.url
		if target == "" {
			target = "http://contoso.com/"
		}
		r := httptest.NewRequest(http.MethodGet, target, nil)
		for name, values := range test.request {
			r.Header[name] = values
		}
		response, err := trace.Transport(transport(func(*http.Request) (*http.Response, error) {
			return &http.Response{Proto: "HTTP/1.1", Status: "200 OK", StatusCode: 200, Header: test.response, Body: io.NopCloser(strings.NewReader(test.body))}, nil
		})).RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.ReadAll(response.Body)
		if text := trace.String(); strings.Contains(text, secret) || !strings.Contains(text, "200 OK") {
			t.Errorf("%s:\n%s", name, text)
		}
	}
}
