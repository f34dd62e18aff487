package config

import (
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// ewsPath is where Exchange has its web services.
const ewsPath = "/EWS/Exchange.asmx"

const goodEndpoint = "write for example https://mail.fabrikam.com" + ewsPath

// endpoint is the URL of a web service. That plain http may be refused is
// decided where insecure_http is known.
func endpoint(text string) (string, *complaint) {
	u, err := url.Parse(text)
	switch {
	case err != nil || strings.ContainsFunc(text, unicode.IsSpace):
		return "", &complaint{quote(text) + " is not a URL", goodEndpoint}
	case u.Host == "" && !strings.Contains(text, "://"):
		return "", &complaint{quote(text) + " has no https:// in front", mendEndpoint(text)}
	case u.Scheme != "https" && u.Scheme != "http":
		return "", &complaint{quote(u.Scheme) + " is not how web services are asked", goodEndpoint}
	case u.User != nil:
		return "", &complaint{"the URL has a user name in it", "write the account into credential"}
	case !isEndpointHost(u):
		return "", &complaint{quote(u.Host) + " is not a host", goodEndpoint}
	case u.Fragment != "" || strings.Contains(text, "#"):
		return "", &complaint{"the URL has a fragment", "remove what begins with #"}
	case u.Path == "" || u.Path == "/":
		return "", &complaint{"the URL has no path", didYouMean(ewsAt(u))}
	}
	if c := otherService(u); c != nil {
		return "", c
	}
	return text, nil
}

// ewsAt is where the web services usually are on the host of a URL.
func ewsAt(u *url.URL) string { return u.Scheme + "://" + u.Host + ewsPath }

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

// onlineHosts are Exchange Online, which switched Basic authentication off.
var onlineHosts = []string{"outlook.office365.com", "outlook.office.com"}

// otherService says what is known not to answer as EWS does.
func otherService(u *url.URL) *complaint {
	folder, file, _ := strings.Cut(strings.Trim(strings.ToLower(u.Path), "/"), "/")
	service, other := otherServices[folder]
	switch {
	case slices.Contains(onlineHosts, strings.ToLower(u.Hostname())):
		return &complaint{"Exchange Online has no Basic log-in, and this version has no other", "write the URL of an Exchange server that has"}
	case other:
		return &complaint{"/" + folder + " is " + service + ", not EWS", didYouMean(ewsAt(u))}
	case folder == "ews" && file == "", strings.HasSuffix(file, ".wsdl"), strings.EqualFold(u.RawQuery, "wsdl"):
		return &complaint{"this is not where EWS is asked", didYouMean(ewsAt(u))}
	}
	return nil
}

func mendEndpoint(text string) string {
	host, path, _ := strings.Cut(text, "/")
	name, _, _ := strings.Cut(host, ":")
	if !isHost(strings.ToLower(name)) || strings.HasSuffix(host, ":") {
		return goodEndpoint
	}
	if path == "" {
		return didYouMean("https://" + host + ewsPath)
	}
	return didYouMean("https://" + text)
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
