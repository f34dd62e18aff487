package login

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"fbgate/availability"
	"fbgate/davfb/face"
)

// Passwords checks names and passwords, from wherever they come, and keeps those who
// guess from trying many. There should be one for all ways to log in with the same
// accounts, so that failures are counted together.
type Passwords struct {
	Accounts  Accounts
	Transport Transport
	// Remember is how long a password that was right is not checked again; 1 minute
	// if it is 0. That long an account that was closed stays open.
	Remember time.Duration
	// AccountFailures is how many passwords may be wrong for one account, 5 if it is
	// 0, and ClientFailures for all accounts from one client, 50 if it is 0, within
	// Within, 10 minutes if it is 0. A client is an IPv4 address, or an IPv6 network
	// of 64 bits. More are refused without asking Accounts, which may lock an account
	// for all that people do with it.
	AccountFailures, ClientFailures int
	Within                          time.Duration
	Log                             *slog.Logger // slog.Default() if it is nil

	places   places // of accounts, for Still
	once     sync.Once
	memory   *memory
	shared   shared
	accounts *failures // by account
	clients  *failures // by client
	guesses  *failures // by client and account, of those refused unasked
}

// attempt is a name and a password that somebody sends.
type attempt struct {
	name, password  string
	address         string // it came from
	client, account string // whose failures are counted; the account as it is typed, until it is looked up
	proof           proof
	recalled        bool // what is remembered counts
	proven          bool // was right before
}

func (p *Passwords) start() {
	within := cmp.Or(p.Within, 10*time.Minute)
	clientFailures := max(1, cmp.Or(p.ClientFailures, 50))
	p.memory = newMemory(cmp.Or(p.Remember, time.Minute))
	p.shared.going = make(map[proof]*running)
	p.accounts = newFailures(max(1, cmp.Or(p.AccountFailures, 5)), within)
	p.clients = newFailures(clientFailures, within)
	p.guesses = newFailures(clientFailures, within)
}

func (p *Passwords) log() *slog.Logger { return cmp.Or(p.Log, slog.Default()) }

// Check returns whose name and password these are, which came with r. The error is a
// *face.Refusal, or wraps one: 401 if they are wrong, 403 if somebody may have read
// them on their way, 429 if too many were wrong before, 503 if that cannot be found
// out now. All but the last have been logged if they are worth it.
//
// Somebody who was right within the last hours gets in, from the same client, whatever
// others have tried with his name.
func (p *Passwords) Check(r *http.Request, name, password string) (who availability.Requester, err error) {
	p.once.Do(p.start)
	if !p.Transport.Confidential(r) {
		return who, sslRequired()
	}
	if refusal := unfitAttempt(name, password); refusal != nil {
		return who, refusal
	}
	client, account := clientKey(r), accountKey(fromLatin1(name))
	guess := client + " " + account
	recalled := !p.guesses.reached(guess)
	var attempts []attempt
	for _, s := range spellings(name, password) {
		a := attempt{name: s[0], password: s[1], address: r.RemoteAddr, client: client, account: account, proof: p.memory.proof(client, s[0], s[1]), recalled: recalled}
		if recalled {
			var fresh bool
			if who, fresh, a.proven = p.memory.recall(a.proof); fresh {
				return who, nil
			}
		}
		if attempts = append(attempts, a); a.proven {
			attempts = []attempt{a}
			break
		}
	}
	for _, a := range attempts {
		who, err = p.shared.do(r.Context(), a.proof, func(ctx context.Context) (availability.Requester, error) { return p.try(ctx, a) })
		if !isWrong(err) {
			break
		}
	}
	return who, p.explain(r, guess, err)
}

// unfitAttempt refuses what no account has. An empty password is one: to a directory
// it says that somebody wants to be nobody (RFC 4513, 5.1.2), and he would be.
func unfitAttempt(name, password string) *face.Refusal {
	text := unfit(name)
	switch {
	case text != "":
		text = "The name " + text + "."
	case password == "":
		text = "The password is empty."
	case len(password) > maxPassword:
		text = "The password is longer than 1024 bytes."
	case hasControls(password):
		text = "The password has control characters."
	default:
		return nil
	}
	return &face.Refusal{Status: http.StatusUnauthorized, Text: text}
}

// clientKey is what the failures of a client are counted by. Whoever has one IPv6
// address has the 64 bits behind it, too.
func clientKey(r *http.Request) string {
	client, _ := clientOf(r)
	if client.Is6() {
		return netip.PrefixFrom(client, 64).Masked().String()
	}
	return client.String()
}

// wrong is the refusal of a wrong name or password, which it does not tell apart.
func wrong() *face.Refusal {
	return &face.Refusal{Status: http.StatusUnauthorized, Text: "The name or the password is wrong.", Usual: true}
}

// isWrong reports whether err is the refusal of a wrong name or password.
func isWrong(err error) bool {
	var refusal *face.Refusal
	return errors.As(err, &refusal) && refusal.Status == http.StatusUnauthorized
}

// errWrong says that the name or the password is wrong, at least in one place, beside
// the error that says why another place could not be asked.
var errWrong = errors.New("the name or the password is wrong elsewhere")

// try asks whether a password is right, if that many may be asked about.
func (p *Passwords) try(ctx context.Context, a attempt) (who availability.Requester, err error) {
	if who, fresh, _ := p.memory.recall(a.proof); fresh && a.recalled {
		return who, nil // since it was looked up before
	}
	if err := p.admit(ctx, &a); err != nil {
		return who, err
	}
	failed := false
	defer func() { p.settle(a, failed) }()
	who, ok, err := p.Accounts.Check(ctx, a.name, a.password)
	refusal := (*face.Refusal)(nil)
	switch {
	case err == nil && ok:
		p.memory.keep(a.proof, who)
		return who, nil
	case err == nil:
		refusal = wrong()
	case isWrong(err):
		errors.As(err, &refusal)
	default:
		failed = errors.Is(err, errWrong)
		p.log().ErrorContext(ctx, "accounts cannot be asked", "client", a.address, "name", shorten(a.name), "error", err)
		return who, err
	}
	failed = true
	p.memory.forget(a.proof)
	p.log().WarnContext(ctx, "log-in refused", "client", a.address, "name", shorten(a.name), "reason", refusal.Text)
	return who, refusal
}

// admit announces an attempt, or says why it must not be made. Who was right before is
// not one who guesses. A client that may not try costs no search.
func (p *Passwords) admit(ctx context.Context, a *attempt) (err error) {
	if a.proven {
		p.clients.pass(a.client)
	} else if err := p.clients.begin(ctx, a.client); err != nil {
		return err
	}
	if err = p.identify(ctx, a); err == nil {
		if a.proven {
			p.accounts.pass(a.account)
			return nil
		}
		err = p.accounts.begin(ctx, a.account)
	}
	if err != nil {
		p.clients.end(a.client, false)
	}
	return err
}

// identify finds out which account an attempt is about. If that cannot be found out, no
// password may be tried: it could not be counted.
func (p *Passwords) identify(ctx context.Context, a *attempt) error {
	known, tells := p.Accounts.(Canonical)
	if !tells {
		return nil
	}
	key, ok, err := known.Canonical(ctx, a.name)
	if err != nil {
		p.log().ErrorContext(ctx, "accounts cannot be asked", "client", a.address, "name", shorten(a.name), "error", err)
		return err
	}
	if ok {
		a.account = key
	}
	return nil
}

// settle says what became of an attempt that was announced.
func (p *Passwords) settle(a attempt, failed bool) {
	if p.accounts.end(a.account, failed) {
		p.log().Warn("too many wrong passwords for an account; more are refused unasked", "account", shorten(a.account), "client", a.address, "within", p.accounts.within)
	}
	if p.clients.end(a.client, failed) {
		p.log().Warn("too many wrong passwords from a client; more are refused unasked", "client", a.client, "within", p.clients.within)
	}
}

// explain makes the error of an attempt one the client understands.
func (p *Passwords) explain(r *http.Request, guess string, err error) error {
	var tooMany *exhausted
	var refusal *face.Refusal
	switch {
	case err == nil:
		return nil
	case errors.As(err, &tooMany):
		p.guesses.add(guess)
		return &face.Refusal{Status: http.StatusTooManyRequests, RetryAfter: max(time.Second, tooMany.again), Usual: true,
			Text: "Too many names and passwords were wrong. Log in again later."}
	case errors.As(err, &refusal):
		return err
	case errors.Is(err, errBusy):
		return &face.Refusal{Status: http.StatusServiceUnavailable, RetryAfter: soon, Text: "Too many log in at once. Try again soon."}
	}
	refusal = cannotLogIn()
	refusal.Usual = r.Context().Err() != nil // nobody is there to read it
	return refusal
}

// cannotLogIn is the refusal while accounts cannot be asked.
func cannotLogIn() *face.Refusal {
	return &face.Refusal{Status: http.StatusServiceUnavailable, RetryAfter: time.Minute, Text: "Nobody can log in at the moment. The gateway's log says why."}
}

// soon is when those come again who found too many others.
const soon = 5 * time.Second
