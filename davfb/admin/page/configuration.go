package page

import (
	"net/http"
	"strings"

	"fbgate/davfb/admin"
)

// line is one of a text or of the changes to it.
type line struct {
	Sign  string // "+", "-" or a space
	Class string
	Text  string
}

func (p *pages) configuration(v *visit) error {
	if p.Configuration == nil {
		return missing("does not show its configuration")
	}
	c := p.Configuration()
	return p.show(v, http.StatusOK, "configuration", struct {
		frame
		admin.Configuration
		Diff   []line
		Reload bool
	}{p.frame(v, "Configuration", "/ui/configuration"), c, lines(c.Changes), p.Reload != nil})
}

// lines reads changes, of which each line begins with its sign.
func lines(changes string) (all []line) {
	for text := range strings.Lines(changes) {
		text = strings.TrimRight(text, "\r\n")
		switch {
		case strings.HasPrefix(text, "+"):
			all = append(all, line{"+", "added", text[1:]})
		case strings.HasPrefix(text, "-"):
			all = append(all, line{"−", "removed", text[1:]})
		default:
			all = append(all, line{" ", "same", strings.TrimPrefix(text, " ")})
		}
	}
	return all
}

func (p *pages) reload(v *visit) error {
	if p.Reload == nil {
		return missing("cannot read its configuration anew")
	}
	file := "the whole file"
	if p.Configuration != nil {
		file = p.Configuration().File
	}
	return p.noted(v, "/ui/configuration", admin.Reloaded(p.who(v), file, p.Reload()))
}
