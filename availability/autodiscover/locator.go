package autodiscover

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"fbgate/availability"
	"fbgate/availability/upstream"
)

// Config describes one organization. Zero fields take the default named.
type Config struct {
	Organization string // its name in logs
	// Domains are the organization's, in lower case. About mailboxes of others the
	// first of them is asked. None: every domain is taken for the organization's.
	Domains []string
	// EPR is where to ask, if the usual hosts are not to be tried: the URL of
	// autodiscover.svc or autodiscover.xml. Its twin of the other name is asked too,
	// and otherwise only what these redirect to. With /wssecurity at its end, as
	// organization relationships have it, it is taken without.
	EPR string
	// Transport proves who asks. It gets requests only for hosts of the mailbox's
	// domain, of EPR, and those Trusted says yes to. Default: http.DefaultTransport.
	Transport http.RoundTripper
	// Secrets are what must not be shown of what Transport proves with. Nil: nothing.
	Secrets func() []string
	// Plain sends the one request that is neither encrypted nor proves anything.
	// Default: a transport of its own connections.
	Plain http.RoundTripper
	// Trusted says which other hosts may be asked, and may be the one of EWS. Nil:
	// none.
	Trusted func(*url.URL) bool
	// AllowHTTP says for which URLs http will do instead of https, though the
	// account may then be read on the way; for tests and labs. Nil: none.
	AllowHTTP func(*url.URL) bool
	Resolver  Resolver      // default net.DefaultResolver
	UserAgent string        // default "fbgate"
	MaxAge    time.Duration // how long a URL found is used, default 24 hours
	// Timeout is how long a search may take, default 20 seconds. One call may take
	// three tenths of it, so that a host that is silent leaves time for others.
	Timeout time.Duration
	Log     *slog.Logger // default slog.Default()
}

// Resolver looks up SRV records, as [net.Resolver] does.
type Resolver interface {
	LookupSRV(ctx context.Context, service, proto, name string) (cname string, addrs []*net.SRV, err error)
}

// A search is not repeated within pause: neither one that failed, nor one for a URL
// that is reported to fail as soon as it is found. A service that asks for it is left
// alone for longer. A refused account rests by itself.
const (
	pause        = 30 * time.Second
	longestPause = 10 * time.Minute
)

// Locator finds the EWS URL of one organization and remembers it. It is safe for
// concurrent use. Build it with [New].
type Locator struct {
	config Config
	client upstream.Client // shows who asks
	plain  upstream.Client // does not

	mu       sync.Mutex
	url      string        // the last found, empty if none was
	since    time.Time     // when it was found
	failed   bool          // it is reported to fail
	searched time.Time     // when the last search ended
	rest     time.Duration // for which no other is begun
	failures failures      // of searches, while there is no URL
	underWay chan struct{} // not nil during a search; closed after
}

// maxReply bounds a reply: one of a mailbox with a hundred shared mailboxes has about
// 50 kB.
const maxReply = 1 << 20

// New returns a Locator for the organization c describes.
func New(c Config) *Locator {
	if c.Plain == nil {
		c.Plain = upstream.Connections{}.Transport(0)
	}
	if c.Resolver == nil {
		c.Resolver = net.DefaultResolver
	}
	c.MaxAge = cmp.Or(c.MaxAge, 24*time.Hour)
	c.Timeout = cmp.Or(c.Timeout, 20*time.Second)
	c.Log = cmp.Or(c.Log, slog.Default())
	client := upstream.Client{Transport: c.Transport, Secrets: c.Secrets, UserAgent: c.UserAgent, MaxBytes: maxReply, Timeout: c.Timeout * 3 / 10}
	plain := client
	plain.Transport = c.Plain
	return &Locator{config: c, client: client, plain: plain, failures: make(failures)}
}

// URL returns the EWS URL of the organization that holds m, searching for it if it
// is not known, too old or reported to fail. Callers share a search, and one that
// leaves does not end it. If a search fails, a URL known from before is returned. The
// error is an *availability.Reason: UnknownMailbox if services were found but know no
// such mailbox, Unauthorized if one refused the account, mostly NotDiscovered; its
// Detail lists what was asked and what came.
func (l *Locator) URL(ctx context.Context, q availability.Query, m availability.Mailbox) (string, error) {
	for {
		found, wait, err := l.known(ctx, q, m)
		if wait == nil {
			return found, err
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return l.hurried(ctx)
		}
	}
}

// Failed reports that nothing answers as EWS at a URL that was found. The next search
// is due, but not within 30 seconds of the last one, or as long as a service asked for.
func (l *Locator) Failed(url string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if url == l.url {
		l.failed = true
	}
}

// known returns what is known without a search, or starts one unless one is under
// way, and returns what to wait for.
func (l *Locator) known(ctx context.Context, q availability.Query, m availability.Mailbox) (found string, wait <-chan struct{}, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	fresh := !l.failed && now.Sub(l.since) < l.config.MaxAge
	if l.url != "" && (fresh || now.Sub(l.searched) < l.rest) {
		return l.url, nil, nil
	}
	if l.url == "" {
		if reason := unnamed(m); reason != nil {
			return "", nil, reason
		}
		if reason := l.failures.of(m, l.searched, now); reason != nil {
			return "", nil, reason
		}
	}
	if l.underWay == nil {
		l.underWay = make(chan struct{})
		go l.find(context.WithoutCancel(ctx), q, m, l.underWay)
	}
	if l.url != "" && !l.failed {
		return l.url, nil, nil // it is old, but nobody need wait for another
	}
	return "", l.underWay, nil
}

// hurried answers a caller that cannot wait for the search.
func (l *Locator) hurried(ctx context.Context) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.url != "" {
		return l.url, nil
	}
	if reason, ok := context.Cause(ctx).(*availability.Reason); ok {
		return "", reason
	}
	reason := availability.Because(availability.Timeout, "the search for the organization's EWS goes on")
	reason.Scope = availability.OfServer
	return "", reason
}
