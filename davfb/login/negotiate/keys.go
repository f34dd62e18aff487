package negotiate

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"github.com/jcmturner/gokrb5/v8/crypto"
	"github.com/jcmturner/gokrb5/v8/iana/etypeID"
	"github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"
)

const (
	// longestKeytab is the longest keytab that is read, in bytes. Keys are about 100.
	longestKeytab = 1 << 20
	// mostTries is how many keys are tried on one ticket. A keytab usually has two of a
	// type that are not the same: the one in use and the one before it.
	mostTries = 4
)

// key is one key of a keytab, and all that the keytab says of it.
type key struct {
	types.EncryptionKey
	entries []entry
}

// entry is what a key stands under.
type entry struct {
	name, realm string
	version     int
}

func (e entry) String() string {
	return fmt.Sprintf("%s@%s (key version %d)", e.name, e.realm, e.version)
}

// keys are those of a keytab that may change.
type keys struct {
	read func() ([]byte, error)
	log  *slog.Logger

	mu      sync.Mutex
	content []byte // that was read last, be it a keytab or not
	known   []key  // of the last that was one
	fault   string // that was logged last
}

// current returns the keys of the keytab, or those it had when it could be read last.
func (k *keys) current() []key {
	k.mu.Lock()
	defer k.mu.Unlock()
	fault := ""
	if err := k.refresh(); err != nil {
		fault = err.Error()
	}
	if fault != "" && fault != k.fault {
		k.log.Warn("the keytab for Kerberos log-ins cannot be read: the keys it held before serve on", "error", fault)
	}
	k.fault = fault
	return k.known
}

// refresh reads the keytab, if it is another one than before.
func (k *keys) refresh() error {
	content, err := k.read()
	if err != nil {
		return fmt.Errorf("reading the keytab: %w", err)
	}
	if k.known != nil && bytes.Equal(content, k.content) {
		return nil
	}
	known, err := readKeytab(content)
	if err == nil {
		k.known, k.content = known, content
	}
	return err
}

// readKeytab returns the keys in a keytab, each once. The library's errors show keys,
// and some keytabs that are cut short make it panic.
func readKeytab(content []byte) (found []key, err error) {
	defer func() {
		if recover() != nil {
			err = errNoKeytab
		}
	}()
	if len(content) > longestKeytab {
		return nil, fmt.Errorf("the keytab is longer than %d MiB", longestKeytab>>20)
	}
	table := keytab.New()
	if table.Unmarshal(content) != nil {
		return nil, errNoKeytab
	}
	for _, e := range table.Entries {
		if _, err := crypto.GetEtype(e.Key.KeyType); err != nil || len(e.Key.KeyValue) == 0 {
			continue // of a type nobody can use: DES, Camellia
		}
		at := slices.IndexFunc(found, func(k key) bool {
			return k.KeyType == e.Key.KeyType && bytes.Equal(k.KeyValue, e.Key.KeyValue)
		})
		if at < 0 {
			at, found = len(found), append(found, key{EncryptionKey: e.Key})
		}
		found[at].entries = append(found[at].entries, entry{strings.Join(e.Principal.Components, "/"), e.Principal.Realm, int(e.KVNO)})
	}
	if len(found) == 0 {
		return nil, errors.New("there is no key in the keytab that can be used: it needs an AES key")
	}
	return found, nil
}

var errNoKeytab = errors.New("it is no keytab, or only a part of one")

// open decrypts a ticket and returns the key and the realm of the service. What counts
// is the key alone: names and versions stand outside of what is encrypted, in tickets
// for an alias of the server, or in keytabs made with ktutil, they often differ.
func open(ticket *messages.Ticket, known []key) (types.EncryptionKey, string, error) {
	var fitting []key
	for _, k := range known {
		if k.KeyType == ticket.EncPart.EType {
			fitting = append(fitting, k)
		}
	}
	slices.SortStableFunc(fitting, func(a, b key) int { return b.fits(ticket) - a.fits(ticket) })
	for _, k := range fitting[:min(len(fitting), mostTries)] {
		if ticket.Decrypt(k.EncryptionKey) == nil {
			return k.EncryptionKey, k.entries[0].realm, nil
		}
	}
	return types.EncryptionKey{}, "", closed(ticket, known)
}

// fits returns how well what a keytab says of the key fits the ticket: version and name
// 3, version 2, name 1.
func (k key) fits(ticket *messages.Ticket) (best int) {
	name := ticket.SName.PrincipalNameString()
	for _, e := range k.entries {
		n := 0
		if e.version == ticket.EncPart.KVNO {
			n += 2
		}
		if strings.EqualFold(e.name, name) {
			n++
		}
		best = max(best, n)
	}
	return best
}

// closed says why no key opens a ticket.
func closed(ticket *messages.Ticket, known []key) error {
	name := ticket.SName.PrincipalNameString()
	var sameType, sameName bool
	newest := 0
	for _, k := range known {
		sameType = sameType || k.KeyType == ticket.EncPart.EType
		for _, e := range k.entries {
			if strings.EqualFold(e.name, name) {
				sameName, newest = true, max(newest, e.version)
			}
		}
	}
	what := fmt.Sprintf("the ticket is for %.200q in the realm %.100q, under key version %d of type %s; the keytab has %s: ",
		name, ticket.Realm, ticket.EncPart.KVNO, typeName(ticket.EncPart.EType), list(known))
	switch {
	case !sameType:
		return errors.New(what + "add a key of that type to the keytab, or allow the account only types that are there (msDS-SupportedEncryptionTypes)")
	case !sameName:
		return errors.New(what + "clients ask by a name that belongs to another account (setspn -Q tells whose), or the keytab is that of another account")
	case ticket.EncPart.KVNO > newest:
		return errors.New(what + "the account's password was changed since the keytab was made: make it anew")
	case ticket.EncPart.KVNO < newest:
		return errors.New(what + "the client has an old ticket, which klist purge or logging on anew replaces; keep the previous key in the keytab while tickets last")
	default:
		return errors.New(what + "the key in the keytab is not that of the account: make the keytab anew, with the account's present password and its exact name, from which the key is made, too")
	}
}

// list tells what a keytab holds, not too long.
func list(known []key) string {
	const most = 8
	var all []string
	for _, k := range known {
		for _, e := range k.entries {
			all = append(all, fmt.Sprintf("%.100v of type %s", e, typeName(k.KeyType)))
		}
	}
	if len(all) > most {
		all = append(all[:most], fmt.Sprintf("%d more", len(all)-most))
	}
	return strings.Join(all, ", ")
}

// typeName returns what Windows and MIT call an encryption type.
func typeName(id int32) string {
	switch id {
	case etypeID.AES256_CTS_HMAC_SHA1_96:
		return "AES256-SHA1"
	case etypeID.AES128_CTS_HMAC_SHA1_96:
		return "AES128-SHA1"
	case etypeID.AES256_CTS_HMAC_SHA384_192:
		return "AES256-SHA384"
	case etypeID.AES128_CTS_HMAC_SHA256_128:
		return "AES128-SHA256"
	case etypeID.RC4_HMAC:
		return "RC4"
	}
	return fmt.Sprint(id)
}
