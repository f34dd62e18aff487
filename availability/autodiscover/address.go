package autodiscover

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"fbgate/availability"
	"fbgate/translate/autodiscover"
)

// service is where an Autodiscover service is. Its two addresses differ in the last
// element of the path.
type service struct {
	folder   url.URL // ends in "/"
	poxFirst bool
}

// usual returns the service where everybody looks for it on a host.
func usual(host string) service {
	return service{folder: url.URL{Scheme: "https", Host: host, Path: "/autodiscover/"}}
}

// url returns the address for an operation.
func (s service) url(o autodiscover.Operation) *url.URL {
	u := s.folder
	u.Path += o.File()
	return &u
}

// about names the question about m in search.asked.
func (s service) about(m availability.Mailbox) string { return s.folder.String() + " " + string(m) }

// serviceAt returns the service with the address u.
func serviceAt(u *url.URL) (s service, ok bool) {
	path := u.Path
	if i := len(path) - len("/wssecurity"); i > 0 && strings.EqualFold(path[i:], "/wssecurity") {
		path = path[:i]
	}
	file := strings.LastIndexByte(path, '/') + 1
	switch strings.ToLower(path[file:]) {
	case autodiscover.POX.File():
		s.poxFirst = true
	case autodiscover.GetUserSettings.File():
	default:
		return s, false
	}
	s.folder = url.URL{Scheme: u.Scheme, User: u.User, Host: strings.ToLower(u.Host), Path: path[:file]}
	return s, u.Host != ""
}

// unnamed returns why m has no domain that could be a host's, nil if it has one.
func unnamed(m availability.Mailbox) *availability.Reason {
	if isHost(m.Domain()) {
		return nil
	}
	return availability.Because(availability.InvalidAddress, "%.100q has no domain to search", string(m))
}

// isHost reports whether name can be a host's, in lower case. What is not ASCII has to
// come as the DNS has it, with "xn--".
func isHost(name string) bool {
	odd := strings.ContainsFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '.' && r != '_'
	})
	return name != "" && len(name) <= 253 && !odd && !strings.HasPrefix(name, ".") && !strings.Contains(name, "..")
}

// below reports whether host is the domain or lies below it.
func below(host, domain string) bool {
	host = strings.ToLower(host)
	return domain != "" && (host == domain || strings.HasSuffix(host, "."+domain))
}

// longestURL bounds addresses that servers name.
const longestURL = 1000

// acceptable returns why u must not be asked, nor be taken for that of EWS; nil if it
// may. What counts is the domain of the mailbox the search began with: a server that
// names another address must not choose who sees the account.
func (s *search) acceptable(u *url.URL) error {
	c := s.locator.config
	switch {
	case u.Hostname() == "":
		return errors.New("there is no host in it")
	case u.User != nil:
		return errors.New("there is a user name in it")
	case len(u.String()) > longestURL:
		return fmt.Errorf("it is longer than %d bytes", longestURL)
	case u.Scheme != "https" && (u.Scheme != "http" || c.AllowHTTP == nil || !c.AllowHTTP(u)):
		return errors.New("it is not https")
	case below(u.Hostname(), s.domain), strings.EqualFold(u.Hostname(), s.pinned.Hostname()), c.Trusted != nil && c.Trusted(u):
		return nil
	}
	return fmt.Errorf("host %.100q is neither %s nor below it: if it may see the organization's account, list it in trusted_hosts", u.Hostname(), s.domain)
}
