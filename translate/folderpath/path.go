// Package folderpath translates between legacyExchangeDNs and the paths at which Exchange
// kept their free/busy in the public folder SCHEDULE+ FREE BUSY:
//
//	/public/NON_IPM_SUBTREE/SCHEDULE%2B%20FREE%20BUSY/EX:_xF8FF_o=Contoso_xF8FF_ou=Sales/USER-_xF8FF_cn=Recipients_xF8FF_cn=mary.EML
//
// is that of /o=Contoso/ou=Sales/cn=Recipients/cn=mary. The part before the first "/cn="
// names a folder, the rest a message in it.
package folderpath

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Path is a place in the tree: the root NON_IPM_SUBTREE, the folder SCHEDULE+ FREE BUSY
// in it, the folder of an organization's administrative group, or the message of a
// mailbox. The zero Path is the root.
type Path struct {
	// Folder is set if the place is SCHEDULE+ FREE BUSY or below.
	Folder bool
	// Group is the first part of a legacyExchangeDN, "/o=Contoso/ou=Sales", if the
	// place is that folder or below.
	Group string
	// User is the rest of it, "/cn=Recipients/cn=mary", if the place is a message.
	User string
}

const (
	top        = "public"
	tree       = "NON_IPM_SUBTREE"
	folder     = "SCHEDULE+ FREE BUSY"
	groupStart = "EX:"
	userStart  = "USER-"
	userEnd    = ".EML"
)

// folderSpellings are what clients' spellings come to: some write a space as "+".
var folderSpellings = []string{folder, strings.ReplaceAll(folder, " ", "+")}

// maxDN bounds a legacyExchangeDN in bytes. The directory's bound is 1024 characters in
// all, 64 in each part.
const maxDN = 1024

// ErrNotFound is that of paths at which nothing can be.
var ErrNotFound = errors.New("no path of SCHEDULE+ FREE BUSY")

// Below reports whether an escaped path is that of the root or below it.
func Below(escaped string) bool {
	var names []string
	for name := range strings.SplitSeq(escaped, "/") {
		if name == "" {
			continue
		}
		if names = append(names, name); len(names) == 2 {
			break
		}
	}
	return len(names) == 2 && equal(names[0], top) && equal(names[1], tree)
}

func equal(escaped, name string) bool {
	unescaped, err := url.PathUnescape(escaped)
	return err == nil && strings.EqualFold(unescaped, name)
}

// Parse reads an escaped path, such as [url.URL.EscapedPath] returns, as every known
// client writes it: in any case, with any number of slashes, whatever is percent-encoded.
// Names keep their case. It returns [ErrNotFound] for anything else.
func Parse(escaped string) (Path, error) {
	return parse(escaped, url.PathUnescape)
}

// ParseUnescaped reads a path that somebody has unescaped as a whole. A slash in a name
// can then not be told from one between names.
func ParseUnescaped(path string) (Path, error) {
	return parse(path, func(name string) (string, error) { return name, nil })
}

func parse(path string, unescape func(string) (string, error)) (Path, error) {
	var names []string
	for name := range strings.SplitSeq(path, "/") {
		if name == "" {
			continue
		}
		name, err := unescape(name)
		if err != nil || len(names) == 5 || len(name) > 8*maxDN || !printable(name) {
			return Path{}, ErrNotFound
		}
		names = append(names, name)
	}
	if len(names) < 2 || !strings.EqualFold(names[0], top) || !strings.EqualFold(names[1], tree) {
		return Path{}, ErrNotFound
	}
	return parseNames(names[2:])
}

func parseNames(names []string) (p Path, err error) {
	if len(names) > 0 {
		if !slices.ContainsFunc(folderSpellings, func(s string) bool { return strings.EqualFold(s, names[0]) }) {
			return Path{}, ErrNotFound
		}
		p.Folder = true
	}
	if len(names) > 1 {
		group, ok := cutFold(names[1], groupStart)
		if p.Group = decode(group); !ok || !isGroup(p.Group) {
			return Path{}, ErrNotFound
		}
	}
	if len(names) > 2 {
		user, ok := cutFold(names[2], userStart)
		user, isMessage := cutSuffixFold(user, userEnd)
		if p.User = decode(user); !ok || !isMessage || !isUser(p.User) {
			return Path{}, ErrNotFound
		}
	}
	if len(names) > 3 || len(p.Group)+len(p.User) > maxDN {
		return Path{}, ErrNotFound
	}
	return p, nil
}

// OfDN returns the path of a legacyExchangeDN's message. It reports false for what is
// not one of a recipient.
func OfDN(dn string) (p Path, ok bool) {
	at := indexFold(dn, "/cn=")
	if at < 0 || len(dn) > maxDN || !printable(dn) {
		return Path{}, false
	}
	p = Path{Folder: true, Group: dn[:at], User: dn[at:]}
	return p, isGroup(p.Group) && isUser(p.User)
}

// DN returns the legacyExchangeDN of a message, or "".
func (p Path) DN() string {
	if p.User == "" {
		return ""
	}
	return p.Group + p.User
}

// Parent returns the folder p is in; that of the root is the root.
func (p Path) Parent() Path {
	switch {
	case p.User != "":
		return Path{Folder: true, Group: p.Group}
	case p.Group != "":
		return Path{Folder: true}
	default:
		return Path{}
	}
}

// Holds reports whether p is the folder that q is in.
func (p Path) Holds(q Path) bool {
	up := q.Parent()
	return q != (Path{}) && p.User == "" && p.Folder == up.Folder && strings.EqualFold(p.Group, up.Group)
}

// Name returns the last part of the path for people, "USER-/cn=Recipients/cn=mary.EML".
func (p Path) Name() string {
	switch {
	case p.User != "":
		return userStart + p.User + userEnd
	case p.Group != "":
		return groupStart + p.Group
	case p.Folder:
		return folder
	default:
		return tree
	}
}

// Subject returns the subject of a message, "USER-/CN=RECIPIENTS/CN=MARY": Exchange
// writes it in upper case.
func (p Path) Subject() string { return userStart + strings.ToUpper(p.User) }

// Escaped returns the path as Exchange writes it in hrefs. Folders end with a slash.
func (p Path) Escaped() string {
	s := "/" + top + "/" + tree + "/"
	if p.Folder {
		s += "SCHEDULE%2B%20FREE%20BUSY/"
	}
	if p.Group != "" {
		s += groupStart + encode(p.Group) + "/"
	}
	if p.User != "" {
		s += userStart + encode(p.User) + userEnd
	}
	return s
}

func isGroup(s string) bool {
	rest, ok := cutFold(s, "/o=")
	return ok && rest != "" && indexFold(s, "/cn=") < 0
}

func isUser(s string) bool {
	rest, ok := cutFold(s, "/cn=")
	return ok && rest != ""
}

func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}
