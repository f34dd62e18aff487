package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"fbgate/availability/published"
	"fbgate/cmd/fbgate/config"
	"fbgate/davfb/admin"
	"fbgate/davfb/intake"
)

type serveCommand struct {
	Config string `required:"" placeholder:"FILE" help:"The configuration."`
}

// Run serves until ctx is done.
func (s *serveCommand) Run(ctx context.Context, console console) error {
	c, err := loadAnew(s.Config)
	if err != nil {
		return err
	}
	level := new(slog.LevelVar)
	log := newLog(c.Log, level, console.err)
	slog.SetDefault(log)
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP) // which would end it
	defer signal.Stop(hangups)
	running, err := startReloadable(c, log, level)
	if err != nil {
		return err
	}
	running.expose()
	running.hangups = hangups
	running.tellReady()
	return running.until(ctx)
}

// expose warns of who may ask, and of what is perhaps not meant.
func (s *server) expose() {
	c := s.config()
	warned, _ := warnings(c) // an error is one of the gateway's, or of files that have changed for the worse
	for _, w := range warned {
		w.log(s.log)
	}
	switch {
	case c.Login != nil && c.Login.Anonymous:
		s.log.Warn("everybody who reaches this gateway may ask for free/busy: login.anonymous is true")
	case c.Login == nil && len(c.TrustedProxies) > 0:
		s.log.Warn("everybody whom the proxies let through may ask for free/busy: there is no login")
	}
}

// newLog returns a log of the level, which may be changed.
func newLog(c config.Log, level *slog.LevelVar, w io.Writer) *slog.Logger {
	level.Set(c.Level)
	options := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(redacted(c, slog.NewJSONHandler(w, options)))
	}
	return slog.New(redacted(c, slog.NewTextHandler(w, options)))
}

// server is a gateway that listens.
type server struct {
	inForce     atomic.Pointer[gateway]
	changing    sync.Mutex // of inForce
	trials      trials
	parts       parts
	reloads     admin.Reloads
	published   *published.Store // nil if nobody may publish
	log         *slog.Logger
	level       *slog.LevelVar // of log
	reloadable  bool           // the configuration is a file
	hangups     chan os.Signal // each asks for a reload; nil if none will
	ready       atomic.Bool
	failed      chan error
	publication publicationRun
	arrivals    arrivals
	clients     listening
	secure      listening // its Server is nil without tls
	operators   listening
}

// listening is an HTTP server and its listener.
type listening struct {
	*http.Server
	listener net.Listener
}

// String returns the address it is reached at.
func (l listening) String() string { return l.listener.Addr().String() }

// start opens all listeners, so that an address in use is known before anything
// is served, and serves.
func start(c *config.Config, log *slog.Logger) (*server, error) {
	return launch(c, &server{log: log, level: new(slog.LevelVar)})
}

// startReloadable is start with a configuration that is a file, which may change, and a
// log whose level is that of the configuration.
func startReloadable(c *config.Config, log *slog.Logger, level *slog.LevelVar) (*server, error) {
	return launch(c, &server{log: log, level: level, reloadable: true})
}

func launch(c *config.Config, s *server) (_ *server, err error) {
	s.failed = make(chan error, 4)
	log := s.log
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if c.Publishing != nil {
		if s.published, err = published.Open(c.Publishing.Store, published.Options{Log: log}); err != nil {
			return nil, fmt.Errorf("publishing.store: %w", err)
		}
	}
	g, err := s.build(c)
	if err != nil {
		return nil, err
	}
	s.enforce(g)
	if err := s.open(); err != nil {
		return nil, err
	}
	s.load()
	go s.serve(s.clients)
	go s.serve(s.operators)
	if s.secure.Server != nil {
		go s.serve(s.secure)
		log.Info("serving by TLS", "clients", s.secure.String())
	}
	s.publication.start(g.publisher, func(err error) { s.failed <- err })
	s.ready.Store(true)
	log.Info("serving", "version", version(), "clients", s.clients.String(), "operators", s.operators.String(),
		"organizations", len(c.Organizations))
	return s, nil
}

// open opens every listener, or none.
func (s *server) open() (err error) {
	c := s.config()
	var opened []net.Listener
	defer func() {
		if err != nil {
			for _, l := range opened {
				l.Close()
			}
		}
	}()
	listen := func(key, address string, belowTLS bool) (net.Listener, error) {
		l, err := net.Listen("tcp", address)
		if err != nil {
			return nil, fmt.Errorf("%s: %w%s", key, err, bindAdvice(err))
		}
		opened = append(opened, l)
		taken := intake.New(l, intake.Config{
			Connections: c.Limits.Connections, PerClient: c.Limits.ConnectionsPerClient,
			Exempt: trustedProxies(c), Silent: belowTLS, Log: s.log,
		})
		s.gateway().operating.listeners[key] = taken
		return taken, nil
	}
	clients, err := listen("listen", c.Listen, false)
	if err != nil {
		return err
	}
	s.clients = listening{s.forClients(func(g *gateway) http.Handler { return g.plain }), clients}
	if c.TLS != nil {
		plain, err := listen("tls.listen", c.TLS.Listen, true)
		if err != nil {
			return err
		}
		// TLS is outermost, or net/http would not know of it.
		s.secure = listening{s.forClients(func(g *gateway) http.Handler { return g.secure }), tls.NewListener(plain, &tls.Config{GetConfigForClient: s.handshake})}
	}
	operators, err := listen("admin.listen", c.Admin.Listen, false)
	if err != nil {
		return err
	}
	s.operators = listening{s.httpServer(s.each(func(g *gateway) http.Handler { return g.console })), operators}
	return nil
}

// clientCAs is the file of CAs whose certificates clients are asked for, empty if they
// are not.
func clientCAs(c *config.Config) string {
	if c.Login == nil || !slices.Contains(secureMethods(c), "certificate") {
		return ""
	}
	return c.Login.ClientCAFile
}

func bindAdvice(err error) string {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return "; name another port, or stop what uses this one"
	case errors.Is(err, syscall.EACCES):
		return "; ports below 1024 need the capability CAP_NET_BIND_SERVICE"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "; name an address of this machine, or 0.0.0.0 for all of them"
	}
	return ""
}

// forClients is the server of one listener for clients.
func (s *server) forClients(handler func(*gateway) http.Handler) *http.Server {
	server := s.httpServer(s.each(handler))
	server.ConnState = s.arrivals.state
	if through := s.gateway().through; through != nil {
		server.ConnContext = through.ConnContext
		server.ConnState = func(c net.Conn, state http.ConnState) {
			s.arrivals.state(c, state)
			through.ConnState(c, state)
		}
		server.DisableGeneralOptionsHandler = true // OPTIONS * is theirs, too
	}
	return server
}

func (s *server) httpServer(handler http.Handler) *http.Server {
	limits := s.config().Limits
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: time.Duration(limits.HeaderTimeout),
		ReadTimeout:       2 * time.Duration(limits.HeaderTimeout), // bodies are of 1 MiB at most
		WriteTimeout:      s.writeTimeout(),
		IdleTimeout:       time.Duration(limits.IdleTimeout),
		// net/http counts the request line too.
		MaxHeaderBytes: int(limits.HeaderBytes + limits.URLBytes),
		ErrorLog:       slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
}

func (s *server) serve(l listening) { s.failed <- l.Serve(l.listener) }

// until serves on until ctx is done, and shutdown_delay is over, or a listener fails, and
// then lets the requests under way finish.
func (s *server) until(ctx context.Context) error {
	var failure error
	stopped, over := ctx.Done(), (<-chan time.Time)(nil)
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx)) // of what is done while serving
	defer cancel()
	sweep := time.NewTicker(time.Minute)
	defer sweep.Stop()
	expire := time.NewTicker(time.Hour)
	defer expire.Stop()
	refresh := time.NewTicker(30 * time.Second)
	defer refresh.Stop()
	alive := time.Tick(watchdog() / 2) // nil, which never ticks, if nobody watches
	look := time.NewTicker(watchEvery)
	defer look.Stop()
	file := watch(s.config().File())
	for serving := true; serving; {
		select {
		case <-sweep.C:
			for _, store := range s.gateway().stores {
				store.Sweep()
			}
		case <-refresh.C:
			s.gateway().caches.Refresh(ctx)
		case <-expire.C:
			s.expire(ctx)
		case <-alive:
			s.tell("WATCHDOG=1") // from here, as a loop that hangs must not say so
		case <-s.hangups:
			s.reloadFor("SIGHUP")
		case <-look.C:
			s.look(file)
		case failure = <-s.failed:
			serving = false
		case <-stopped:
			stopped, over = nil, time.After(s.withdraw(nil))
		case <-over:
			serving = false
		}
	}
	s.withdraw(failure) // unless that has been
	cancel()
	return errors.Join(failure, s.stop())
}

// withdraw tells who asks that no more requests are wanted, and returns for how long they
// are taken all the same: not at all after a failure.
func (s *server) withdraw(failure error) time.Duration {
	s.changing.Lock() // a reload ends before
	defer s.changing.Unlock()
	if !s.ready.Swap(false) {
		return 0
	}
	delay := s.config().ShutdownDelay
	if failure != nil {
		delay = 0
	}
	s.log.Info("shutting down", "delay", time.Duration(delay))
	s.tellStopping(delay)
	return time.Duration(delay)
}

// stop lets the requests under way finish. The operators' listener ends last, so
// that /readyz says no meanwhile.
func (s *server) stop() error {
	s.changing.Lock()
	s.ready.Store(false) // if nobody has withdrawn before
	s.changing.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(s.config().AnswerTimeout)+5*time.Second)
	defer cancel()
	var draining sync.WaitGroup
	for _, l := range []listening{s.clients, s.secure} {
		if l.Server != nil {
			draining.Go(func() {
				l.listener.Close()
				s.arrivals.settle(time.Second)
				if err := l.Shutdown(ctx); err != nil {
					s.log.Warn("requests were cut off that took too long", "listen", l.String(), "error", err)
					l.Close()
				}
			})
		}
	}
	draining.Wait()
	err := s.operators.Close()
	// A server that was stopped before it began knows nothing of its listener.
	for _, l := range []listening{s.clients, s.secure, s.operators} {
		if l.listener != nil {
			l.listener.Close()
		}
	}
	s.save()
	return errors.Join(err, s.close())
}

// expire removes what was published and is out of date.
func (s *server) expire(ctx context.Context) {
	if s.published == nil {
		return
	}
	if removed, err := s.published.Sweep(ctx); err != nil {
		s.log.Error("what is out of date could not be removed from publishing.store", "error", err)
	} else if removed > 0 {
		s.log.Info("removed from publishing.store what is out of date", "mailboxes", removed)
	}
}

// close closes what is open for as long as the gateway runs.
func (s *server) close() error {
	s.publication.stop()
	if g := s.gateway(); g != nil {
		g.leave()
	}
	if s.published == nil {
		return nil
	}
	return s.published.Close()
}
