package login

import (
	"golang.org/x/crypto/bcrypt"
)

// What tests see of the inside.
var (
	Credentials       = credentials
	ReadPrincipalName = readPrincipalName
	AccountKey        = accountKey
	ShownName         = shownName
	Folded            = folded
)

const MaxFile, MostCounted, MostRemembered = maxFile, mostCounted, mostRemembered

// ParseFiles reads an htpasswd and a group file and returns the accounts with their
// groups.
func ParseFiles(htpasswd, groups string) (map[string][]string, error) {
	t, err := parseAccounts("users", htpasswd)
	if err == nil {
		err = t.parseGroups("groups", groups)
	}
	if err != nil {
		return nil, err
	}
	found := make(map[string][]string)
	for name, a := range t.accounts {
		if _, err := bcrypt.Cost(a.hash); err != nil {
			return nil, err
		}
		found[name] = a.groups
	}
	return found, nil
}

// Spent reports whether a check that finds nothing out has taken its time.
func Spent(cost int, password string) bool {
	return spend(cost, password) == bcrypt.ErrMismatchedHashAndPassword
}

// Counted and Remembered are the sizes of the maps strangers can fill.
func (p *Passwords) Counted() (accounts, clients, guesses int) {
	return len(p.accounts.entries), len(p.clients.entries), len(p.guesses.entries)
}
func (p *Passwords) Remembered() int { return len(p.memory.checks) }
