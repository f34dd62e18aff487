package login

import (
	"context"
	"errors"
	"fmt"

	"fbgate/availability"
)

// Chain are accounts of several places, which are asked in order.
type Chain []Accounts

var (
	_ Accounts  = Chain(nil)
	_ Canonical = Chain(nil)
	_ Disabling = Chain(nil)
)

// Check implements Accounts. A place that cannot be asked is an error only if no other
// one has the account, so that an account in a file opens where the directory is down.
func (c Chain) Check(ctx context.Context, name, password string) (who availability.Requester, ok bool, err error) {
	var failure, hint error
	denied := false
	for _, place := range c {
		who, ok, err := place.Check(ctx, name, password)
		switch {
		case err == nil && ok:
			return who, true, nil
		case err == nil:
			denied = true
		case isWrong(err):
			denied, hint = true, err
		case failure == nil:
			failure = err
		}
	}
	switch {
	case failure == nil:
		return availability.Requester{}, false, hint
	case denied: // which has to count, or a directory that is down is time to guess
		failure = fmt.Errorf("%w; %w", failure, errWrong)
	}
	return availability.Requester{}, false, failure
}

// Find implements Accounts. The first place that knows the name counts.
func (c Chain) Find(ctx context.Context, name string) (who availability.Requester, ok bool, err error) {
	return c.first(func(place Accounts) (availability.Requester, bool, error) { return place.Find(ctx, name) })
}

// FindDisabled implements Disabling. The first place that knows the name counts.
func (c Chain) FindDisabled(ctx context.Context, name string) (who availability.Requester, ok bool, err error) {
	return c.first(func(place Accounts) (availability.Requester, bool, error) { return FindProven(ctx, place, name) })
}

func (c Chain) first(find func(Accounts) (availability.Requester, bool, error)) (who availability.Requester, ok bool, err error) {
	var failure error
	for _, place := range c {
		who, ok, err := find(place)
		if err == nil && ok {
			return who, true, nil
		}
		failure = errors.Join(failure, err)
	}
	return availability.Requester{}, false, failure
}

// Canonical implements Canonical. The first place that knows the name counts; others
// matter only if they fail and none knows it.
func (c Chain) Canonical(ctx context.Context, name string) (key string, ok bool, err error) {
	var failure error
	for _, place := range c {
		known, tells := place.(Canonical)
		if !tells {
			continue
		}
		key, ok, err := known.Canonical(ctx, name)
		if err == nil && ok {
			return key, true, nil
		}
		failure = errors.Join(failure, err)
	}
	return "", false, failure
}

// FindProven returns whose name this is, for somebody who has proven it by something else
// than a password, even if the account is disabled.
func FindProven(ctx context.Context, accounts Accounts, name string) (who availability.Requester, ok bool, err error) {
	if all, tells := accounts.(Disabling); tells {
		return all.FindDisabled(ctx, name)
	}
	return accounts.Find(ctx, name)
}

// Resolve returns who it is whose name was proven by something else than a password:
// what accounts, if there are any, know of it, or else the name alone. The error is a
// *face.Refusal, or wraps one: rules about groups must not be passed by while the
// directory that knows them is down.
func Resolve(ctx context.Context, accounts Accounts, name string) (availability.Requester, error) {
	alone := availability.Requester{Name: name, Mailbox: mailboxOf(name, "")}
	if accounts == nil {
		return alone, nil
	}
	who, ok, err := FindProven(ctx, accounts, name)
	if err != nil {
		return availability.Requester{}, fmt.Errorf("%w (who that is cannot be looked up: %w)", cannotLogIn(), err)
	}
	if !ok {
		return alone, nil
	}
	return who, nil
}
