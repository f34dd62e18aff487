package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/mux"
)

// route is one path and what is answered there.
type route struct {
	path   string
	get    func(http.ResponseWriter, *http.Request) error // HEAD, too
	post   func(http.ResponseWriter, *http.Request) error
	delete func(http.ResponseWriter, *http.Request) error
}

// routes are those that want a token. docs/openapi.yaml describes them.
func (a *admin) routes() []route {
	return []route{
		{path: "/cache", get: a.listCache, delete: a.flushCache},
		{path: "/cache/refresh", post: a.refreshCache},
		{path: "/configuration", get: a.showConfiguration},
		{path: "/doctor", post: a.consultDoctor},
		{path: "/lookups", get: a.listLookups},
		{path: "/lookups/{number}", get: a.showLookup},
		{path: "/metrics", get: a.metrics()},
		{path: "/organizations", get: a.listOrganizations},
		{path: "/publish", get: a.showPublisher},
		{path: "/reload", post: a.reload},
	}
}

// methods are those a route takes.
func (o route) methods() (methods []string) {
	if o.get != nil {
		methods = append(methods, http.MethodGet, http.MethodHead)
	}
	if o.post != nil {
		methods = append(methods, http.MethodPost)
	}
	if o.delete != nil {
		methods = append(methods, http.MethodDelete)
	}
	return methods
}

// add makes the router answer o.
func (a *admin) add(router *mux.Router, o route) {
	if o.get != nil {
		router.Path(o.path).Methods(http.MethodGet, http.MethodHead).Handler(a.guarded(o.get))
	}
	if o.post != nil {
		router.Path(o.path).Methods(http.MethodPost).Handler(a.guarded(o.post))
	}
	if o.delete != nil {
		router.Path(o.path).Methods(http.MethodDelete).Handler(a.guarded(o.delete))
	}
	router.Path(o.path).Handler(a.guarded(func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Allow", strings.Join(o.methods(), ", "))
		return fault{http.StatusMethodNotAllowed, "this takes " + strings.Join(o.methods(), ", ")}
	}))
}

// largestForm bounds the bodies of requests, in bytes.
const largestForm = 4 << 10

// form returns the fields of a body, as JSON or as of an HTML form, if it holds nothing
// but the named ones.
func form(w http.ResponseWriter, r *http.Request, names ...string) (map[string]string, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, largestForm))
	var tooLong *http.MaxBytesError
	switch {
	case errors.As(err, &tooLong):
		return nil, fault{http.StatusRequestEntityTooLarge, fmt.Sprintf("the body is longer than %d bytes", largestForm)}
	case err != nil:
		return nil, fault{http.StatusBadRequest, "the body did not come in full"}
	}
	fields := make(map[string]string)
	switch kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind {
	case "application/json":
		if err := json.Unmarshal(body, &fields); err != nil {
			return nil, fault{http.StatusBadRequest, `the body is not a JSON object of texts such as {"mailbox": "mary@contoso.com"}: ` + err.Error()}
		}
	case "application/x-www-form-urlencoded":
		values, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, fault{http.StatusBadRequest, "body: " + err.Error()}
		}
		for name, all := range values {
			if len(all) > 1 {
				return nil, fault{http.StatusBadRequest, fmt.Sprintf("field %.40q is given more than once", name)}
			}
			fields[name] = all[0]
		}
	default:
		return nil, fault{http.StatusUnsupportedMediaType, fmt.Sprintf("Content-Type is %.40q: expected application/json or application/x-www-form-urlencoded", kind)}
	}
	for name := range fields {
		if !slices.Contains(names, name) {
			return nil, fault{http.StatusBadRequest, fmt.Sprintf("field %.40q is not known here: expected %s", name, strings.Join(names, ", "))}
		}
	}
	return fields, nil
}

// number reads a parameter of low to high; without is what it is if it is not given.
func number(query url.Values, name string, without, low, high uint64) (uint64, error) {
	text := query.Get(name)
	if text == "" {
		return without, nil
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || n < low || n > high {
		return 0, fault{http.StatusBadRequest, fmt.Sprintf("%s is %.40q: expected %d to %d", name, text, low, high)}
	}
	return n, nil
}

// milliseconds are what durations are told in.
func milliseconds(d time.Duration) float64 { return float64(d.Round(time.Microsecond)) / 1e6 }

// stream sends one JSON object after the other as they come: as lines, or to whoever wants
// them as server-sent events.
type stream struct {
	w      http.ResponseWriter
	r      *http.Request
	events bool
	begun  bool
}

const eventStream, jsonLines = "text/event-stream", "application/x-ndjson"

// stalled is how long a client may take to read one object.
const stalled = 30 * time.Second

func newStream(w http.ResponseWriter, r *http.Request) *stream {
	return &stream{w: w, r: r, events: strings.Contains(r.Header.Get("Accept"), eventStream)}
}

// begin sends the header.
func (s *stream) begin() {
	if s.begun {
		return
	}
	s.begun = true
	kind := jsonLines
	if s.events {
		kind = eventStream
	}
	s.w.Header().Set("Content-Type", kind)
	s.w.Header().Set("X-Accel-Buffering", "no") // a front end by nginx would wait for the end
	s.write(nil)
}

// send sends an object; the name is that of the event, and number, if it is not 0, its id.
func (s *stream) send(name string, number uint64, v any) error {
	s.begin()
	var text strings.Builder
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	if !s.events {
		return s.write([]byte(text.String()))
	}
	id := ""
	if number > 0 {
		id = fmt.Sprintf("id: %d\n", number)
	}
	return s.write(fmt.Appendf(nil, "%sevent: %s\ndata: %s\n", id, name, text.String()))
}

// rest tells a client for whom there is nothing that the connection still holds.
func (s *stream) rest() error {
	s.begin()
	if s.events {
		return s.write([]byte(": nothing new\n\n"))
	}
	return s.write([]byte("\n"))
}

func (s *stream) write(p []byte) error {
	c := http.NewResponseController(s.w)
	_ = c.SetWriteDeadline(time.Now().Add(stalled))
	if _, err := s.w.Write(p); err != nil {
		return err
	}
	return c.Flush()
}
