package login_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"fbgate/availability"
	"fbgate/davfb/login"
)

// somewhere has one account, and may fail or be slow.
type somewhere struct {
	who  availability.Requester
	fail error
	slow time.Duration
}

func (p *somewhere) Check(context.Context, string, string) (availability.Requester, bool, error) {
	panic("nobody shows a password")
}

func (p *somewhere) Find(ctx context.Context, name string) (availability.Requester, bool, error) {
	select {
	case <-time.After(p.slow):
	case <-ctx.Done():
		return availability.Requester{}, false, ctx.Err()
	}
	if p.fail != nil {
		return availability.Requester{}, false, p.fail
	}
	return p.who, name == p.who.Name, nil
}

var (
	errDown    = errors.New("the directory is down")
	errSeveral = &availability.Reason{Code: availability.DirectoryFailed, Detail: "the name is that of several accounts", Scope: availability.OfMailbox}
)

// Only that the place of an account cannot be asked keeps it.
func TestStill(t *testing.T) {
	joe, nobody := availability.Requester{Name: "joe", Groups: []string{"ops"}}, availability.Requester{Name: "nobody"}
	for name, test := range map[string]struct {
		before, after [2]somewhere
		want          bool
	}{
		"nothing changes":               {[2]somewhere{{who: joe}, {}}, [2]somewhere{{who: joe}, {}}, true},
		"removed":                       {[2]somewhere{{who: joe}, {}}, [2]somewhere{{who: nobody}, {}}, false},
		"without the group":             {[2]somewhere{{who: joe}, {}}, [2]somewhere{{who: availability.Requester{Name: "joe"}}, {}}, false},
		"moved":                         {[2]somewhere{{who: joe}, {}}, [2]somewhere{{}, {who: joe}}, true},
		"its own is down":               {[2]somewhere{{}, {who: joe}}, [2]somewhere{{}, {who: joe, fail: errDown}}, true},
		"its own hangs":                 {[2]somewhere{{}, {who: joe}}, [2]somewhere{{}, {slow: time.Hour}}, true},
		"another one is down":           {[2]somewhere{{who: joe}, {}}, [2]somewhere{{}, {fail: errDown}}, false},
		"another one hangs":             {[2]somewhere{{who: joe}, {}}, [2]somewhere{{}, {slow: time.Hour}}, false},
		"another one was down before":   {[2]somewhere{{who: joe}, {fail: errDown}}, [2]somewhere{{}, {fail: errDown}}, false},
		"another one hangs, in front":   {[2]somewhere{{}, {who: joe}}, [2]somewhere{{slow: time.Hour}, {}}, false},
		"another one hangs, and it is":  {[2]somewhere{{}, {who: joe}}, [2]somewhere{{slow: time.Hour}, {who: joe}}, true},
		"several have the name":         {[2]somewhere{{}, {who: joe}}, [2]somewhere{{}, {fail: errSeveral}}, false},
		"never there, and all are down": {[2]somewhere{{}, {}}, [2]somewhere{{fail: errDown}, {fail: errDown}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				first, second := test.before[0], test.before[1]
				p := &login.Passwords{Accounts: login.Chain{&first, &second}}
				still := func() bool {
					gone, leave := context.WithCancel(t.Context()) // which must not matter
					leave()
					begun := time.Now()
					defer func() {
						if took := time.Since(begun); took > 10*time.Second {
							t.Errorf("took %v", took)
						}
					}()
					return p.Still(gone, "joe", func(who availability.Requester) bool { return len(who.Groups) > 0 })
				}
				still()
				first, second = test.after[0], test.after[1]
				for range 3 {
					if got := still(); got != test.want {
						t.Errorf("%v", got)
					}
				}
				// Who was found to be gone is gone, even if his place is down later.
				first.fail, second.fail = errDown, errDown
				if got := still(); got != test.want {
					t.Errorf("while all are down: %v", got)
				}
			})
		})
	}
}

// Accounts of one place need no Chain.
func TestStillOfOnePlace(t *testing.T) {
	place := &somewhere{who: availability.Requester{Name: "joe"}}
	p := &login.Passwords{Accounts: place}
	anybody := func(availability.Requester) bool { return true }
	if !p.Still(t.Context(), "joe", anybody) || p.Still(t.Context(), "mary", anybody) {
		t.Error("found the wrong one")
	}
	place.fail = errDown
	if !p.Still(t.Context(), "joe", anybody) || p.Still(t.Context(), "mary", anybody) {
		t.Error("while it is down")
	}
}

// linked is a place that has a disabled account.
type linked struct{ somewhere }

func (l *linked) Find(context.Context, string) (availability.Requester, bool, error) {
	return availability.Requester{}, false, nil
}

func (l *linked) FindDisabled(ctx context.Context, name string) (availability.Requester, bool, error) {
	return l.somewhere.Find(ctx, name)
}

// A disabled account is none to whoever had shown its password, and tells groups and address of
// whoever has proven the name elsewhere.
func TestDisabledAccount(t *testing.T) {
	joe := availability.Requester{Name: "joe", Mailbox: "joe@contoso.com", Groups: []string{"contractors"}}
	for name, accounts := range map[string]login.Accounts{
		"alone": &linked{somewhere{who: joe}}, "in a chain": login.Chain{login.Static{}, &linked{somewhere{who: joe}}},
	} {
		if _, ok, err := accounts.Find(t.Context(), "joe"); ok || err != nil {
			t.Errorf("%s: %t, %v", name, ok, err)
		}
		if who, err := login.Resolve(t.Context(), accounts, "joe"); err != nil || who.Mailbox != joe.Mailbox || len(who.Groups) != 1 {
			t.Errorf("%s: %+v, %v", name, who, err)
		}
		if p := (&login.Passwords{Accounts: accounts}); p.Still(t.Context(), "joe", func(availability.Requester) bool { return true }) {
			t.Errorf("%s: still there", name)
		}
	}
}
