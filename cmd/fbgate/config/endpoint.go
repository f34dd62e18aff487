package config

import (
	"net/netip"
	"net/url"
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
		return "", &complaint{"the URL has no path", didYouMean(u.Scheme + "://" + u.Host + ewsPath)}
	}
	return text, nil
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
