package login

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	hashLength = 60 // of "$2y$05$", a salt of 22 characters and a hash of 31
	minCost    = 4
	maxCost    = 14 // more than a second
	maxLines   = 50_000
	maxFaults  = 20
)

// accountTable is what the files hold.
type accountTable struct {
	accounts map[string]*fileAccount // by folded name
	cost     int                     // the highest there is
}

type fileAccount struct {
	name   string
	hash   []byte
	cost   int
	line   int
	groups []string
}

// find returns the account of a name, nil if there is none.
func (t *accountTable) find(name, defaultDomain string) *fileAccount {
	name = folded(name)
	if a := t.accounts[name]; a != nil {
		return a
	}
	name = withoutDomain(name)
	if a := t.accounts[name]; a != nil {
		return a
	}
	if user, domain, _ := strings.Cut(name, "@"); defaultDomain != "" && strings.EqualFold(domain, defaultDomain) {
		return t.accounts[user]
	}
	return nil
}

// parseAccounts reads an htpasswd file. Its errors name lines, and show neither what may be
// a password nor whose it is, as they get into the log.
func parseAccounts(path, text string) (*accountTable, error) {
	t := &accountTable{accounts: make(map[string]*fileAccount), cost: minCost}
	err := eachLine(path, text, func(n int, line string) error {
		name, hash, found := strings.Cut(line, ":")
		if !found || unfit(name) != "" {
			return errors.New(`an account is a name, ":" and a password, as htpasswd -B writes them`)
		}
		cost, err := checkHash(hash)
		if err != nil {
			return fmt.Errorf("the password %w: set it anew with htpasswd -B", err)
		}
		key := folded(name)
		if before := t.accounts[key]; before != nil {
			return fmt.Errorf("the name is in line %d already; upper and lower case are the same", before.line)
		}
		t.accounts[key] = &fileAccount{name: name, hash: []byte(hash), cost: cost, line: n}
		t.cost = max(t.cost, cost)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return t, nil
}

// checkHash returns the cost of a bcrypt hash, or what is wrong with what is none.
func checkHash(hash string) (cost int, err error) {
	switch {
	case strings.HasPrefix(hash, "$2y$"), strings.HasPrefix(hash, "$2a$"), strings.HasPrefix(hash, "$2b$"):
	case strings.HasPrefix(hash, "$apr1$"), strings.HasPrefix(hash, "$1$"):
		return 0, errors.New("is MD5, and not bcrypt")
	case strings.HasPrefix(hash, "{SHA}"):
		return 0, errors.New("is SHA-1, and not bcrypt")
	case strings.HasPrefix(hash, "$5$"), strings.HasPrefix(hash, "$6$"):
		return 0, errors.New("is SHA-crypt, and not bcrypt")
	case strings.HasPrefix(hash, "$2x$"):
		return 0, errors.New("is bcrypt of a faulty version")
	default:
		return 0, errors.New("is plain text or crypt, and not bcrypt")
	}
	rest := hash[len("$2y$"):]
	if len(hash) != hashLength || rest[2] != '$' || strings.Trim(rest[3:], "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") != "" {
		return 0, errors.New("is bcrypt cut short or changed")
	}
	cost, err = strconv.Atoi(rest[:2])
	if err != nil || cost < minCost || cost > maxCost {
		return 0, fmt.Errorf("has a bcrypt cost of %q, where %d to %d is taken, and 10 or more is good (-C 10)", rest[:2], minCost, maxCost)
	}
	return cost, nil
}

// parseGroups reads a group file into the accounts. Names without an account are
// passed over, as Apache does.
func (t *accountTable) parseGroups(path, text string) error {
	return eachLine(path, text, func(_ int, line string) error {
		group, members, found := strings.Cut(line, ":")
		group = strings.ToLower(strings.TrimSpace(group))
		if !found || unfit(group) != "" {
			return errors.New(`a group is a name, ":" and its members with spaces between them`)
		}
		for member := range strings.FieldsSeq(members) {
			if a := t.accounts[folded(member)]; a != nil && !slices.Contains(a.groups, group) {
				a.groups = append(a.groups, group)
			}
		}
		return nil
	})
}

// eachLine hands read the lines that are neither empty nor comments, and lists what is
// wrong with them.
func eachLine(path, text string, read func(n int, line string) error) error {
	text = strings.TrimPrefix(text, "\ufeff")
	if strings.Contains(text, "\x00") || !utf8.ValidString(text) {
		return fmt.Errorf("%s is not UTF-8", path)
	}
	if strings.Count(text, "\n") > maxLines {
		return fmt.Errorf("%s has more than %d lines", path, maxLines)
	}
	var faults []error
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if err := read(n, line); err != nil {
			if faults = append(faults, fmt.Errorf("%s: line %d: %w", path, n, err)); len(faults) == maxFaults {
				break
			}
		}
	}
	return errors.Join(faults...)
}
