package config

import (
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// service is a kind of web service: what is written as an example of its URL, and
// what is known not to be one.
type service struct {
	example string
	path    string // where it usually is on a host
	other   func(u *url.URL) *complaint
}

var (
	ewsService          = service{"https://mail.fabrikam.com" + ewsPath, ewsPath, otherService}
	publicFolderService = service{"https://mail2003.contoso.com/public/", "/public/", nil}
	autodiscoverService = service{"https://autodiscover.fabrikam.com" + autodiscoverPath, autodiscoverPath, notAutodiscover}
	tokenService        = service{"https://login.microsoftonline.com/TENANT/oauth2/v2.0/token", "/adfs/oauth2/token", nil}
)

// Where Exchange has its web services.
const (
	ewsPath          = "/EWS/Exchange.asmx"
	autodiscoverPath = "/autodiscover/autodiscover.svc"
)

// url reads the URL of a service. That plain http may be refused is decided where
// insecure_http is known.
func (s service) url(text string) (string, *complaint) {
	u, err := url.Parse(text)
	good := "write for example " + s.example
	switch {
	case err != nil || strings.ContainsFunc(text, unicode.IsSpace):
		return "", &complaint{quote(text) + " is not a URL", good}
	case u.Host == "" && !strings.Contains(text, "://"):
		return "", &complaint{quote(text) + " has no https:// in front", s.mend(text)}
	case u.Scheme != "https" && u.Scheme != "http":
		return "", &complaint{quote(u.Scheme) + " is not how web services are asked", good}
	case u.User != nil:
		return "", &complaint{"the URL has a user name in it", "write the account into credential"}
	case !isEndpointHost(u):
		return "", &complaint{quote(u.Host) + " is not a host", good}
	case u.Fragment != "" || strings.Contains(text, "#"):
		return "", &complaint{"the URL has a fragment", "remove what begins with #"}
	case u.Path == "" || u.Path == "/":
		return "", &complaint{"the URL has no path", didYouMean(at(u, s.path))}
	}
	if s.other != nil {
		if c := s.other(u); c != nil {
			return "", c
		}
	}
	return text, nil
}

// at is a path on the host of a URL.
func at(u *url.URL, path string) string { return u.Scheme + "://" + u.Host + path }

// mend puts https:// in front of what is a host, or one with a path.
func (s service) mend(text string) string {
	host, path, _ := strings.Cut(text, "/")
	name, _, _ := strings.Cut(host, ":")
	switch {
	case !isHost(strings.ToLower(name)) || strings.HasSuffix(host, ":"):
		return "write for example " + s.example
	case path == "":
		return didYouMean("https://" + host + s.path)
	}
	return didYouMean("https://" + text)
}

// notAutodiscover says what is known not to be Autodiscover.
func notAutodiscover(u *url.URL) *complaint {
	path := strings.ToLower(u.Path)
	if strings.HasSuffix(path, "/autodiscover.svc") || strings.HasSuffix(path, "/autodiscover.xml") {
		return nil
	}
	return &complaint{"this is not where Autodiscover is asked", didYouMean(at(u, autodiscoverPath))}
}

// otherServices are what Exchange has beside EWS, by the first folder of its
// URL, and the folder of EWS alone. People copy these from their browsers.
var otherServices = map[string]string{
	"owa":                         "Outlook on the web",
	"ecp":                         "the admin center",
	"autodiscover":                "Autodiscover",
	"mapi":                        "MAPI",
	"rpc":                         "Outlook Anywhere",
	"oab":                         "the address book",
	"microsoft-server-activesync": "ActiveSync",
	"powershell":                  "PowerShell",
}

// onlineHosts are Exchange Online, which takes OAuth 2 only.
var onlineHosts = []string{"outlook.office365.com", "outlook.office.com"}

func isOnline(host string) bool { return slices.Contains(onlineHosts, strings.ToLower(host)) }

// ldapURL is the URL of an LDAP server.
func ldapURL(text string) (string, *complaint) {
	const good = "write for example ldaps://dc1.contoso.com"
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return "", &complaint{quote(text) + " is not a URL", good}
	case u.Scheme != "ldap" && u.Scheme != "ldaps":
		return "", &complaint{quote(text) + " begins with neither ldaps:// nor ldap://", good}
	case u.User != nil:
		return "", &complaint{"the URL has a user name in it", "write the account into bind_dn"}
	case !isEndpointHost(u):
		return "", &complaint{quote(u.Host) + " is not a host", good}
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return "", &complaint{"the URL has more than a host and a port", "write where to search into base_dn"}
	}
	return text, nil
}

// otherService says what is known not to answer as EWS does.
func otherService(u *url.URL) *complaint {
	folder, file, _ := strings.Cut(strings.Trim(strings.ToLower(u.Path), "/"), "/")
	service, other := otherServices[folder]
	switch {
	case other:
		return &complaint{"/" + folder + " is " + service + ", not EWS", didYouMean(at(u, ewsPath))}
	case folder == "ews" && file == "", strings.HasSuffix(file, ".wsdl"), strings.EqualFold(u.RawQuery, "wsdl"):
		return &complaint{"this is not where EWS is asked", didYouMean(at(u, ewsPath))}
	}
	return nil
}

func isEndpointHost(u *url.URL) bool {
	if port := u.Port(); port != "" || strings.HasSuffix(u.Host, ":") {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return false
		}
	}
	return isIP(u.Hostname()) || isHost(strings.ToLower(u.Hostname()))
}

func isIP(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

// IsLoopback reports whether a host, by name or address, is this very machine.
func IsLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return strings.EqualFold(host, "localhost")
	}
	return ip.Unmap().IsLoopback()
}
