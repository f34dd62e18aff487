package internet

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"fbgate/availability"
)

// pattern is a URL with an address in it.
type pattern struct {
	expression *regexp.Regexp // with the groups "name" and maybe "server"
	query      bool           // of path and query, rather than of the path alone
}

// builtIn are the patterns that need no configuration.
var builtIn = []string{
	"/freebusy/%NAME%@%SERVER%",
	"/freebusy/%SERVER%/%NAME%",
	"/freebusy/?%NAME%@%SERVER%", // IceWarp
}

const builtInName = "/freebusy/%NAME%" // if there is a default domain

// compile returns all patterns, those of the configuration first, and what is wrong.
func (c Config) compile() (patterns []pattern, faults []error) {
	if c.DefaultDomain != "" && availability.Mailbox("x@"+c.DefaultDomain).Domain() != c.DefaultDomain {
		faults = append(faults, fmt.Errorf("internet free/busy: the default domain %.100q is no mail domain", c.DefaultDomain))
	}
	texts := append(append([]string(nil), c.Patterns...), builtIn...)
	if c.DefaultDomain != "" {
		texts = append(texts, builtInName)
	}
	for _, text := range texts {
		p, err := compile(text, c.DefaultDomain != "")
		if err != nil {
			faults = append(faults, fmt.Errorf("internet free/busy: pattern %.200q: %w", text, err))
		}
		patterns = append(patterns, p)
	}
	return patterns, faults
}

var (
	placeholder = regexp.MustCompile(`%[A-Za-z]+%`)
	extension   = regexp.MustCompile(`(?i)\.(vfb|ifb|ics)$`)
)

const anyExtension = `(?:\.(?:vfb|ifb|ics))?`

// compile makes a pattern of its text.
func compile(text string, defaultDomain bool) (pattern, error) {
	p := pattern{query: strings.Contains(text, "?")}
	if !strings.HasPrefix(text, "/") {
		return p, errors.New(`it has to begin with "/", without scheme and host`)
	}
	end := "$"
	switch {
	case p.query:
		end = "(?:&.*)?$" // whatever else the client says
	case extension.MatchString(text):
		text, end = extension.ReplaceAllString(text, ""), anyExtension+"$"
	case strings.HasSuffix(text, "%"):
		end = anyExtension + "$"
	}
	expression := "(?is)^"
	seen := make(map[string]bool)
	at := 0
	for _, found := range placeholder.FindAllStringIndex(text, -1) {
		literal, err := url.PathUnescape(text[at:found[0]])
		if err != nil {
			return p, err
		}
		name := strings.ToUpper(text[found[0]:found[1]])
		switch {
		case groups[name] == "":
			return p, fmt.Errorf("there is no %s, only %%NAME%% and %%SERVER%%", name)
		case seen[name]:
			return p, fmt.Errorf("%s comes twice", name)
		case literal == "" && at > 0:
			return p, errors.New("something has to stand between %NAME% and %SERVER%")
		}
		seen[name], at = true, found[1]
		group := groups[name]
		if p.query && name == "%NAME%" {
			group = nameInQuery
		}
		expression += regexp.QuoteMeta(literal) + group
	}
	literal, err := url.PathUnescape(text[at:])
	switch {
	case err != nil:
		return p, err
	case !seen["%NAME%"]:
		return p, errors.New("there is no %NAME% in it")
	case !seen["%SERVER%"] && !defaultDomain:
		return p, errors.New("there is no %SERVER% in it, and no default domain to take instead")
	}
	p.expression, err = regexp.Compile(expression + regexp.QuoteMeta(literal) + end)
	return p, err
}

// groups match what placeholders stand for; as little as possible, so that an extension is
// none of it.
var groups = map[string]string{
	"%NAME%":   `(?P<name>[^/@]{1,64}?)`,
	"%SERVER%": `(?P<server>[^/@?&]{1,255}?)`,
}

// nameInQuery does not reach over parameters.
const nameInQuery = `(?P<name>[^/@&=]{1,64}?)`

// find returns the address in the URL of r, if it is one of the patterns.
func (h *Handler) find(r *http.Request) (address string, ok bool) {
	for _, p := range h.patterns {
		subject := r.URL.Path
		if p.query {
			query, err := url.PathUnescape(r.URL.RawQuery) // which leaves "+" alone
			if err != nil {
				query = r.URL.RawQuery
			}
			subject += "?" + query
		}
		found := p.expression.FindStringSubmatch(subject)
		if found == nil {
			continue
		}
		server := h.DefaultDomain
		if i := p.expression.SubexpIndex("server"); i > 0 {
			server = found[i]
		}
		return found[p.expression.SubexpIndex("name")] + "@" + server, true
	}
	return "", false
}
