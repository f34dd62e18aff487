package login

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/bcrypt"

	"fbgate/availability"
	"fbgate/davfb/face"
)

const (
	// maxFile bounds an htpasswd or group file, in bytes.
	maxFile = 4 << 20
	// lookAgain is how often the files are looked at, at most.
	lookAgain = time.Second
	// maxBcrypt is the longest password bcrypt sees all of, in bytes. It would take
	// the rest for right whatever it is.
	maxBcrypt = 72
)

// File are the accounts of an htpasswd file, and perhaps their groups from a group
// file, both as Apache has them. Open it with OpenFile.
//
// The passwords are bcrypt's, as htpasswd -B writes them, with a cost of at most 14. A
// line of the group file is "admins: joe mary". Both are UTF-8, at most 4 MiB and
// 50,000 lines, and read again when they change. Names are the same in lower and upper
// case; CONTOSO\joe is joe, too, whatever the domain if there is a password to prove it.
type File struct {
	// DefaultDomain makes addresses of names that are none, and names of its
	// addresses; neither if it is empty. Set it before the first Check.
	DefaultDomain string
	// Domains are the NetBIOS names of the Windows domains that are joe's own: Find
	// takes CONTOSO\joe for joe if CONTOSO is one. Set it before the first Find.
	Domains []string
	// Log is told of files that are read again, and why not. The default logger if it
	// is nil. Set it before the first Check.
	Log *slog.Logger

	passwords, groups string // paths
	turns             *turns

	mu      sync.Mutex
	looked  time.Time // at the files
	state   [2]fileState
	current *accountTable
}

var (
	_ Accounts  = (*File)(nil)
	_ Canonical = (*File)(nil)
)

// fileState tells whether a file has changed.
type fileState struct {
	modified time.Time
	size     int64
}

// OpenFile reads an htpasswd file, and a group file unless groups is "". The error
// lists what is wrong with them, up to 20 faults, each with its line.
func OpenFile(htpasswd, groups string) (*File, error) {
	f := &File{passwords: htpasswd, groups: groups, turns: newTurns(), looked: time.Now()}
	f.state = f.stat()
	var err error
	if f.current, err = f.read(); err != nil {
		return nil, err
	}
	return f, nil
}

// Check implements Accounts. A name nobody has takes as long as a wrong password.
func (f *File) Check(ctx context.Context, name, password string) (who availability.Requester, ok bool, err error) {
	if len(password) > maxBcrypt {
		return who, false, &face.Refusal{Status: http.StatusUnauthorized, Text: "The password is longer than the 72 bytes bcrypt takes.", Usual: true}
	}
	if hasControls(password) {
		return who, false, nil
	}
	t := f.table()
	release, err := f.turns.take(ctx)
	if err != nil {
		return who, false, err
	}
	defer release()
	a := t.find(name, f.DefaultDomain)
	if !t.matches(a, password) {
		return who, false, nil
	}
	return f.requester(a), true, nil
}

// Find implements Accounts.
func (f *File) Find(_ context.Context, name string) (who availability.Requester, ok bool, err error) {
	a := f.table().find(name, f.DefaultDomain)
	if a == nil || foreign(name, f.Domains) && folded(a.name) != folded(name) {
		return who, false, nil
	}
	return f.requester(a), true, nil
}

// Canonical implements Canonical: an account's key is its name.
func (f *File) Canonical(_ context.Context, name string) (key string, ok bool, err error) {
	a := f.table().find(name, f.DefaultDomain)
	if a == nil {
		return "", false, nil
	}
	return folded(a.name), true, nil
}

func (f *File) requester(a *fileAccount) availability.Requester {
	return availability.Requester{Name: a.name, Mailbox: mailboxOf(a.name, f.DefaultDomain), Groups: a.groups}
}

// matches reports whether password is that of a, which may be nil. If not, it has taken
// the same time for all accounts: bcrypt takes twice as long for each step of cost, so
// a run at each cost from the account's own on makes up for the dearest.
func (t *accountTable) matches(a *fileAccount, password string) bool {
	cost := t.cost
	if a != nil {
		if bcrypt.CompareHashAndPassword(a.hash, []byte(password)) == nil {
			return true
		}
		cost = a.cost
	} else {
		_ = spend(cost, password)
	}
	for ; cost < t.cost; cost++ {
		_ = spend(cost, password)
	}
	return false
}

// spend takes the time of a check and finds nothing out. The error is the one that
// says so.
func spend(cost int, password string) error {
	nobody := fmt.Appendf(nil, "$2y$%02d$%s", cost, strings.Repeat(".", hashLength-len("$2y$05$")))
	return bcrypt.CompareHashAndPassword(nobody, []byte(password))
}

// table returns what the files hold. New ones that cannot be used leave what was
// there before.
func (f *File) table() *accountTable {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now := time.Now(); now.Sub(f.looked) >= lookAgain {
		f.looked = now
		f.renew()
	}
	return f.current
}

// renew reads the files if they have changed.
func (f *File) renew() {
	state := f.stat()
	if state == f.state {
		return
	}
	f.state = state // also of files that cannot be used, which is logged once
	log := f.Log
	if log == nil {
		log = slog.Default()
	}
	t, err := f.read()
	if err != nil {
		log.Warn("the new accounts cannot be used; those before still log in", "file", f.passwords, "error", err)
		return
	}
	f.current = t
	log.Info("accounts read", "file", f.passwords, "accounts", len(t.accounts))
}

// stat describes both files; one that is missing has no size.
func (f *File) stat() (state [2]fileState) {
	for i, path := range []string{f.passwords, f.groups} {
		if info, err := os.Stat(path); path != "" && err == nil {
			state[i] = fileState{info.ModTime(), info.Size()}
		}
	}
	return state
}

// read reads both files.
func (f *File) read() (*accountTable, error) {
	text, err := readFile(f.passwords)
	if err != nil {
		return nil, err
	}
	t, err := parseAccounts(f.passwords, text)
	if err != nil || f.groups == "" {
		return t, err
	}
	if text, err = readFile(f.groups); err != nil {
		return nil, err
	}
	return t, t.parseGroups(f.groups, text)
}

func readFile(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return "", err
	}
	if len(content) > maxFile {
		return "", fmt.Errorf("%s is longer than 4 MiB", path)
	}
	return string(content), nil
}
