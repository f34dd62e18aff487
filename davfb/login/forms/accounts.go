package forms

import (
	"context"
	"sync"
	"time"

	"fbgate/availability"
)

const (
	// recheck is how long an account is taken to be as it was found.
	recheck = time.Minute
	// mostAccounts bounds how many are remembered.
	mostAccounts = 10_000
)

// accounts are those of sessions, as they are now.
type accounts struct {
	find func(ctx context.Context, name string) (availability.Requester, bool, error) // nil if nobody knows

	mu    sync.Mutex
	found map[string]account
}

type account struct {
	who availability.Requester
	ok  bool
	at  time.Time
}

// of returns who has a session; ok is false if they have no account any more.
func (a *accounts) of(ctx context.Context, s session) (who availability.Requester, ok bool, err error) {
	if a.find == nil {
		return availability.Requester{Name: s.Name, Mailbox: s.Mailbox, Groups: s.Groups}, true, nil
	}
	now := time.Now()
	if f, remembered := a.recall(s.Name); remembered && now.Sub(f.at) < recheck {
		return f.who, f.ok, nil
	}
	who, ok, err = a.find(ctx, s.Name)
	if err != nil {
		return availability.Requester{}, false, err
	}
	a.remember(s.Name, account{who, ok, now})
	return who, ok, nil
}

func (a *accounts) recall(name string) (account, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f, ok := a.found[name]
	return f, ok
}

// remember forgets all others if there are too many: that costs a question each.
func (a *accounts) remember(name string, f account) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.found == nil || len(a.found) >= mostAccounts {
		a.found = make(map[string]account)
	}
	a.found[name] = f
}

// forget lets a new session be found anew: the account may be, too.
func (a *accounts) forget(name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.found, name)
}
