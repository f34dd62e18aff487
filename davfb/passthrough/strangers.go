package passthrough

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"fbgate/davfb/face"
)

const (
	strangersFor = 10 * time.Minute // how long it is believed that the server asks for a log-in
	openFor      = time.Minute      // and that it does not: somebody will be mending it
	mostHosts    = 64               // hosts that is remembered of
)

// strangers remembers whether the server asks those for a log-in who show nothing: if
// it does not, its answers tell nothing about others either. A server may have sites by
// Host, so each has to be asked.
type strangers struct {
	asking chan struct{} // holds one while the server is asked

	mu    sync.Mutex
	hosts map[string]finding
}

type finding struct {
	open  bool
	until time.Time
}

func newStrangers() *strangers {
	return &strangers{asking: make(chan struct{}, 1), hosts: make(map[string]finding)}
}

// refused returns nil if the server refuses strangers where it was asked about r.
func (s *strangers) refused(ctx context.Context, h *Handler, r *http.Request) error {
	host := strings.ToLower(r.Host)
	found, ok := s.recall(host)
	if !ok {
		select {
		case s.asking <- struct{}{}:
			defer func() { <-s.asking }()
		case <-ctx.Done():
			return ctx.Err()
		}
		if found, ok = s.recall(host); !ok { // by the one before
			var err error
			if found, err = h.askAsStranger(ctx, r); err != nil {
				return err
			}
			s.remember(host, found)
		}
	}
	if found.open {
		return &face.Refusal{Status: http.StatusServiceUnavailable, RetryAfter: openFor, Text: "The Exchange server behind this gateway, which has to say who may ask, asks nobody for a log-in. The gateway's log says where."}
	}
	return nil
}

func (s *strangers) recall(host string) (finding, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, ok := s.hosts[host]
	return found, ok && time.Now().Before(found.until)
}

func (s *strangers) remember(host string, found finding) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.hosts) >= mostHosts {
		clear(s.hosts)
	}
	s.hosts[host] = found
}

// askAsStranger asks what Ask asks, without any proof and on a connection of its own.
func (h *Handler) askAsStranger(ctx context.Context, r *http.Request) (finding, error) {
	asked, err := h.question(ctx, r)
	if err != nil {
		return finding{}, err
	}
	response, err := h.single().RoundTrip(asked)
	if err != nil {
		h.config.Log.WarnContext(ctx, "the server behind could not be asked whether it asks for a log-in", "server", h.config.URL, "error", err.Error())
		return finding{}, err
	}
	_ = response.Body.Close()
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return finding{until: time.Now().Add(strangersFor)}, nil
	}
	h.config.Log.ErrorContext(ctx, "the server behind asks nobody for a log-in, so that it cannot say who may ask", "server", h.config.URL,
		"path", asked.URL.Path, "host", shorten(r.Host), "status", response.StatusCode, "remedy", "switch anonymous access to that folder off in IIS, or use another method than passthrough")
	return finding{open: true, until: time.Now().Add(openFor)}, nil
}
