package config

import (
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// forms check a text by the form the tag of its field names, and return it as it
// is to be used. The empty form is any text.
var forms = map[string]func(text string) (normal string, c *complaint){
	"":             anyText,
	"address":      address,
	"autodiscover": autodiscoverService.url,
	"clients":      clients,
	"domain":       domain,
	"environment":  environment,
	"ews":          ewsService.url,
	"file":         line,
	"folder":       folder,
	"header":       header,
	"headername":   headerName,
	"host":         hostName,
	"kdc":          kdc,
	"ldap":         ldapURL,
	"line":         line,
	"mailbox":      mailbox,
	"name":         name,
	"network":      network,
	"people":       people,
	"publicfolder": publicFolderService.url,
	"server":       server,
	"token":        tokenService.url,
	"username":     username,
}

func anyText(text string) (string, *complaint) { return text, nil }

// line is text without control characters.
func line(text string) (string, *complaint) {
	switch {
	case strings.TrimSpace(text) == "":
		return "", &complaint{"this is empty", "write a value, or remove the line"}
	case strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }):
		return "", &complaint{"this has a line break or a control character in it", "write it on one line, in single quotes"}
	}
	return text, nil
}

// mailbox is one SMTP address.
func mailbox(text string) (string, *complaint) {
	user, host, _ := strings.Cut(text, "@")
	if user == "" || !isHost(strings.ToLower(host)) || strings.ContainsFunc(user, unicode.IsSpace) {
		return "", &complaint{quote(text) + " is not an address", "write for example freebusy@fabrikam.com"}
	}
	return text, nil
}

// username is a line. In double quotes "FABRIKAM\nancy" has a line break.
func username(text string) (string, *complaint) {
	if text, c := line(text); c != nil {
		return text, c
	}
	if strings.Contains(text, ":") { // RFC 7617 2: Basic ends the name there
		return "", &complaint{"this has a colon in it", "write the name only; the password has its own file"}
	}
	return text, nil
}

// people is the name of somebody or of a group. A distinguished name may have a \.
func people(text string) (string, *complaint) {
	if text, c := line(text); c != nil {
		return text, c
	}
	if _, bare, ok := strings.Cut(text, `\`); ok && !strings.Contains(text, "=") {
		return "", &complaint{quote(text) + " has a Windows domain in it", "write the name alone: " + bare}
	}
	return text, nil
}

// header is text an HTTP header can hold (RFC 9110 5.5); it may be empty.
func header(text string) (string, *complaint) {
	for _, r := range text {
		if r < ' ' || r > '~' {
			return "", &complaint{quote(text) + " has a character in it that HTTP headers cannot hold", "write plain ASCII on one line"}
		}
	}
	return text, nil
}

var (
	goodName        = regexp.MustCompile(`^[\pL\pN][\pL\pN._-]{0,63}$`)
	goodHeaderName  = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)
	goodEnvironment = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	goodLabel       = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$`)
)

func name(text string) (string, *complaint) {
	if !goodName.MatchString(text) {
		return "", &complaint{quote(text) + " is not a name", `write up to 64 letters, digits, ".", "_" or "-", beginning with a letter or digit`}
	}
	return text, nil
}

func environment(text string) (string, *complaint) {
	if !goodEnvironment.MatchString(text) { // it may be a password: do not repeat it
		return "", &complaint{"this is not the name of an environment variable", "write it bare, for example FABRIKAM_PASSWORD"}
	}
	return text, nil
}

// domain is a mail domain, all below one ("*.fabrikam.com"), or all ("*").
func domain(text string) (string, *complaint) {
	normal := strings.ToLower(text)
	if normal == "*" || isHost(strings.TrimPrefix(normal, "*.")) {
		return normal, nil
	}
	c := &complaint{quote(text) + " is not a domain", `write for example fabrikam.com, "*.fabrikam.com" or "*"`}
	if strings.ContainsFunc(text, func(r rune) bool { return r > '~' }) {
		c.instead = "write it in its ASCII form, which begins with xn--"
	} else if better := mendDomain(normal); better != "" {
		c.instead = didYouMean(better)
	}
	return "", c
}

// mendDomain returns the domain in what else people write: an address, a URL, a
// pattern without its dot.
func mendDomain(text string) string {
	text = text[strings.LastIndexByte(text, '@')+1:]
	if _, after, ok := strings.Cut(text, "://"); ok {
		text, _, _ = strings.Cut(after, "/")
	}
	text = strings.Trim(text, " ")
	below := strings.HasPrefix(text, "*") || strings.HasPrefix(text, ".")
	text = strings.Trim(text, "*.")
	switch {
	case !isHost(text):
		return ""
	case below:
		return `"*.` + text + `"`
	}
	return text
}

// isHost reports whether text, in lower case, is a host or domain name.
func isHost(text string) bool {
	if len(text) > 253 {
		return false
	}
	for label := range strings.SplitSeq(text, ".") {
		if !goodLabel.MatchString(label) {
			return false
		}
	}
	return true
}

// address is host:port to listen on; without a host, on every interface.
func address(text string) (string, *complaint) {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return "", &complaint{quote(text) + " is not host:port", mendAddress(text)}
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(n, 10) != port {
		return "", &complaint{quote(port) + " is not a port", "write a number from 0 to 65535 after the colon"}
	}
	if _, err := netip.ParseAddr(host); err != nil && host != "" && !isHost(strings.ToLower(host)) {
		return "", &complaint{quote(host) + " is neither a host nor an IP address", "write for example 127.0.0.1:" + port}
	}
	return text, nil
}

// hostName is a domain by name.
func hostName(text string) (string, *complaint) {
	normal := strings.ToLower(text)
	if !isHost(normal) || !strings.Contains(normal, ".") {
		return "", &complaint{quote(text) + " is not a domain", "write for example contoso.com"}
	}
	return normal, nil
}

// network is an IP address, or all that begin with some bits, of proxies.
func network(text string) (string, *complaint) {
	normal, c := anyNetwork(text)
	if c == nil && strings.HasSuffix(normal, "/0") {
		return "", &complaint{quote(text) + " is everybody, and any client can write these headers", "write the proxies' own addresses"}
	}
	return normal, c
}

// clients is a network of clients.
func clients(text string) (string, *complaint) {
	normal, c := anyNetwork(text)
	if c == nil && strings.HasSuffix(normal, "/0") {
		return "", &complaint{quote(text) + " is everybody", "write networks of your own; to let everybody ask there is login.anonymous"}
	}
	return normal, c
}

func anyNetwork(text string) (string, *complaint) {
	if address, err := netip.ParseAddr(text); err == nil {
		address = address.Unmap()
		return netip.PrefixFrom(address, address.BitLen()).String(), nil
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil || prefix.Addr().Is4In6() {
		return "", &complaint{quote(text) + " is not a network", "write for example 10.0.0.0/24, or one address"}
	}
	return prefix.Masked().String(), nil
}

// headerName is the name of an HTTP header (RFC 9110 5.1).
func headerName(text string) (string, *complaint) {
	if !goodHeaderName.MatchString(text) {
		return "", &complaint{quote(text) + " is not the name of a header", "write letters, digits and \"-\", for example X-Remote-User"}
	}
	return text, nil
}

// folder is a path to begin with.
func folder(text string) (string, *complaint) {
	if !strings.HasPrefix(text, "/") || strings.ContainsAny(text, "?#%\\ ") {
		return "", &complaint{quote(text) + " is not a path", "write for example /public"}
	}
	return line(text)
}

// server is a URL of a server as a whole.
func server(text string) (string, *complaint) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || !isEndpointHost(u):
		return "", &complaint{quote(text) + " is not the URL of a server", "write for example http://mail2003.contoso.com"}
	case u.User != nil:
		return "", &complaint{"the URL has a user name in it", "write the URL only; clients log in by themselves"}
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return "", &complaint{quote(text) + " is more than a server", didYouMean(at(u, "")) + "; paths has the folders"}
	}
	return at(u, ""), nil
}

// kdc is host:port to ask for tickets.
func kdc(text string) (string, *complaint) {
	host, _, err := net.SplitHostPort(text)
	if _, c := address(text); c != nil || err != nil || host == "" {
		return "", &complaint{quote(text) + " is not host:port", "write for example dc1.fabrikam.com:88"}
	}
	return text, nil
}

// bareIPv6 is an IPv6 address with a port behind it. Together they look like a
// longer address: ::1:8080.
var bareIPv6 = regexp.MustCompile(`^(.*:.*):([1-9]\d{0,4})$`)

func mendAddress(text string) string {
	if u, err := url.Parse(text); err == nil && u.Host != "" && u.Port() != "" {
		return didYouMean(u.Host)
	}
	if _, err := strconv.ParseUint(text, 10, 16); err == nil {
		return didYouMean("127.0.0.1:" + text)
	}
	if m := bareIPv6.FindStringSubmatch(text); m != nil && isIP(m[1]) {
		return didYouMean(`"[` + m[1] + `]:` + m[2] + `"`)
	}
	if ip, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		if ip.Is6() { // YAML takes the bracket for a list
			return didYouMean(`"[` + ip.String() + `]:8080"`)
		}
		return didYouMean(ip.String() + ":8080")
	}
	if isHost(strings.ToLower(text)) {
		return didYouMean(text + ":8080")
	}
	return "write for example 127.0.0.1:8080"
}
