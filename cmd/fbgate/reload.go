package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"fbgate/availability/publisher"
	"fbgate/cmd/fbgate/config"
	"fbgate/davfb/admin"
	"fbgate/davfb/secure"
)

// reloading is what operators may do about the configuration, nil where they may not.
type reloading struct {
	configuration func() admin.Configuration
	reload        func() error
	last          *admin.Reloads
}

// reload reads the configuration anew and puts it into force, whole or not at all: with a
// fault in it the old one stays. Requests under way end as they began. Whoever asked for it
// notes that, which is what the log has of it beside faults and warnings.
func (s *server) reload() error {
	s.changing.Lock()
	defer s.changing.Unlock()
	if !s.ready.Load() {
		return errors.New("fbgate is starting or shutting down")
	}
	s.tell("RELOADING=1")
	defer s.tellReady()
	old := s.gateway()
	g, restart, err := s.next()
	if err != nil {
		s.refuse(err)
		return err
	}
	g.changed = config.Changes(old.config, g.config)
	s.enforce(g)
	if len(restart) > 0 {
		s.log.Warn("what else has changed in the configuration needs a restart", "keys", restart)
	}
	s.expose()
	return nil
}

// reloadFor reloads because of what operators have done elsewhere than at their listener,
// where they see it.
func (s *server) reloadFor(why string) {
	err := s.reload()
	s.gateway().operating.changes.Note(s.log, admin.Reloaded(why, s.config().File(), err))
}

// refuse keeps that a configuration is not taken, and logs in full why.
func (s *server) refuse(err error) {
	s.reloads.Note(err)
	var faults config.Faults
	errors.As(err, &faults)
	for _, f := range faults {
		s.log.Error("fault in the new configuration", "fault", f.Error())
	}
	if faults == nil {
		s.log.Error("fault in the new configuration", "fault", err.Error())
	}
}

// next puts a gateway together as the file says now. Restart are the keys that cannot
// follow it.
func (s *server) next() (g *gateway, restart []string, err error) {
	running := s.gateway().config
	c, err := load(running.File())
	if err != nil {
		return nil, nil, err
	}
	if c, restart, err = c.Onto(running); err != nil {
		return nil, nil, fmt.Errorf("%s cannot be changed without a restart, and with what is in force there:\n%w", strings.Join(restart, ", "), err)
	}
	g, err = s.build(c)
	return g, restart, err
}

// build puts a gateway together with the parts there are.
func (s *server) build(c *config.Config) (*gateway, error) {
	g, err := nextGateway(c, s.published, s.log, unwatched, &s.parts)
	if err != nil {
		return nil, err
	}
	if c.TLS != nil {
		g.handshakes, err = secure.New(secure.Config{
			CertificateFile: c.TLS.CertificateFile, KeyFile: c.TLS.KeyFile, MinVersion: tlsVersions[c.TLS.MinTLS],
			ClientCAFile: clientCAs(c), Log: s.log,
		})
		if err != nil {
			g.leave()
			return nil, fmt.Errorf("tls: %w", err)
		}
	}
	g.reloading = reloading{configuration: s.configuration, last: &s.reloads}
	if s.reloadable {
		g.reloading.reload = s.reload
	}
	g.console = g.operators(s.ready.Load)
	return g, nil
}

// enforce puts a gateway in the place of the one before, which ends with its last request.
func (s *server) enforce(g *gateway) {
	g.latest()
	g.loaded = time.Now()
	s.reloads.Note(nil)
	s.level.Set(g.config.Log.Level)
	old := s.inForce.Swap(g)
	if old == nil {
		return
	}
	if old.publisher != g.publisher || s.publication.failed() {
		s.publication.stop()
		s.publication.start(g.publisher, func(err error) {
			s.log.Error("nothing is published until the configuration is reloaded", "error", err)
		})
	}
	close(old.replaced)
	old.leave()
}

// gateway is the one in force.
func (s *server) gateway() *gateway { return s.inForce.Load() }

// config is what is in force.
func (s *server) config() *config.Config { return s.gateway().config }

// enter returns the gateway in force, for a request, which leaves it at its end.
func (s *server) enter() *gateway {
	for {
		g := s.gateway()
		if g.enter() || g == s.gateway() { // or it is the last one, and has ended
			return g
		}
	}
}

// each lets every request be served by one gateway from its begin to its end.
func (s *server) each(handler func(*gateway) http.Handler) http.Handler {
	settled := s.writeTimeout()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g := s.enter()
		defer g.leave()
		if timeout := writeTimeout(g.config); timeout != settled {
			_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(timeout))
		}
		handler(g).ServeHTTP(w, r)
	})
}

func (s *server) writeTimeout() time.Duration { return writeTimeout(s.config()) }

// writeTimeout is how long an answer may take until it is read.
func writeTimeout(c *config.Config) time.Duration {
	return time.Duration(c.AnswerTimeout) + 30*time.Second
}

// handshake is the TLS of the gateway in force.
func (s *server) handshake(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	c := s.gateway().handshakes
	if c.GetConfigForClient != nil {
		return c.GetConfigForClient(hello)
	}
	return c, nil
}

// trials are of the file as it is now.
type trials struct {
	mu      sync.Mutex
	at      time.Time
	running *gateway
	content string // of the file
	found   admin.Configuration
}

// triedFor is how long what a trial has found is taken for true, as it costs as much as a
// reload, which has to wait for it.
const triedFor = time.Second

// configuration is what operators see of it. Whether the file can be used is tried out.
func (s *server) configuration() admin.Configuration {
	t := &s.trials
	t.mu.Lock()
	defer t.mu.Unlock()
	running, content := s.gateway(), contentOf(s.config().File())
	if t.running != running || t.content != content || time.Since(t.at) > triedFor {
		t.found = s.try()
		t.at, t.running, t.content = time.Now(), running, content
	}
	return t.found
}

// try tries out what a reload would change.
func (s *server) try() admin.Configuration {
	s.changing.Lock()
	defer s.changing.Unlock()
	running := s.gateway()
	c := admin.Configuration{File: running.config.File(), Loaded: running.loaded, Changed: running.changed, Text: running.config.Text()}
	if !s.reloadable {
		return c
	}
	g, restart, err := s.next()
	if err != nil {
		c.Fault = err.Error()
		if file, err := config.Load(c.File); err == nil { // the fault is in what it names
			c.Changes = config.Changes(running.config, file)
		}
		return c
	}
	defer g.leave()
	c.Changes, c.Restart = config.Changes(running.config, g.config), restart
	return c
}

// publicationRun is the publisher that runs, if there is one.
type publicationRun struct {
	end    context.CancelFunc
	done   sync.WaitGroup
	ceased atomic.Bool // with an error
}

// start runs p, which may be nil, until stop; tell is told why it cannot.
func (r *publicationRun) start(p *publisher.Publisher, tell func(error)) {
	r.ceased.Store(false)
	if p == nil {
		return
	}
	var ctx context.Context
	ctx, r.end = context.WithCancel(context.Background())
	r.done.Go(func() {
		if err := p.Run(ctx); err != nil {
			r.ceased.Store(true)
			tell(fmt.Errorf("publish: %w", err))
		}
	})
}

// failed reports whether nothing runs any more because of an error.
func (r *publicationRun) failed() bool { return r.ceased.Load() }

// stop waits until nothing is written any more.
func (r *publicationRun) stop() {
	if r.end != nil {
		r.end()
	}
	r.done.Wait()
}
