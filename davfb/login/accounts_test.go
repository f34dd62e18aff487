package login_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"fbgate/availability"
	"fbgate/davfb/face"
	"fbgate/davfb/login"
)

// directory are accounts in memory that count how often they are asked.
type directory struct {
	passwords map[string]string
	groups    []string
	slow      time.Duration

	mu     sync.Mutex
	down   error
	checks map[string]int // by name
	most   int            // at once
	now    int
}

func newDirectory(accounts ...string) *directory {
	d := &directory{passwords: map[string]string{}, checks: map[string]int{}}
	for _, a := range accounts {
		name, password, _ := strings.Cut(a, ":")
		d.passwords[name] = password
	}
	return d
}

func (d *directory) fail(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.down = err
}

func (d *directory) Check(ctx context.Context, name, password string) (who availability.Requester, ok bool, err error) {
	d.mu.Lock()
	d.checks[name]++
	d.now++
	d.most = max(d.most, d.now)
	d.mu.Unlock()
	if d.slow > 0 {
		select {
		case <-time.After(d.slow):
		case <-ctx.Done():
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.now--
	if d.down != nil {
		return who, false, d.down
	}
	own, known := d.passwords[name]
	if !known || own != password {
		return who, false, nil
	}
	return availability.Requester{Name: name, Groups: d.groups}, true, nil
}

func (d *directory) Find(_ context.Context, name string) (who availability.Requester, ok bool, err error) {
	if d.down != nil {
		return who, false, d.down
	}
	if _, known := d.passwords[name]; !known {
		return who, false, nil
	}
	return availability.Requester{Name: name, Mailbox: availability.Mailbox(name + "@contoso.com"), Groups: d.groups}, true, nil
}

// asked is how often the directory was, about one name or, with "", all.
func (d *directory) asked(name string) (n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for of, times := range d.checks {
		if name == "" || of == name {
			n += times
		}
	}
	return n
}

// from returns a request by https from an address.
func from(address string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "https://mail.contoso.com/public/?Cmd=freebusy", nil)
	r.RemoteAddr = address + ":1234"
	if strings.Contains(address, ":") {
		r.RemoteAddr = "[" + address + "]:1234"
	}
	return r
}

// statusOf is that of a refusal, 200 of none.
func statusOf(t *testing.T, err error) int {
	t.Helper()
	var refusal *face.Refusal
	if err != nil && !errors.As(err, &refusal) {
		t.Fatalf("%v is no refusal", err)
	}
	if refusal == nil {
		return http.StatusOK
	}
	return refusal.Status
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// logTo returns a log of warnings and worse.
func logTo(b io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

var _ login.Accounts = (*directory)(nil)
