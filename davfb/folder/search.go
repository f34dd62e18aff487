package folder

import (
	"encoding/xml"
	"net/http"
	"net/url"

	"fbgate/davfb/face"
	"fbgate/translate/davprop"
	"fbgate/translate/folderpath"
)

// search answers SEARCH: what is in a folder and meets conditions.
func (v *visit) search() error {
	body, err := v.body(maxQuestion)
	if err != nil {
		return err
	}
	s, err := davprop.ParseSearch(body)
	if err != nil {
		return wrong(err)
	}
	if mustAsk(s.Uses) {
		return &face.Refusal{Status: http.StatusBadRequest, Text: "Free/busy cannot be searched, only read."}
	}
	scope := v.path
	if s.Scope != "" {
		if scope, err = v.resolve(s.Scope); err != nil || scope.User != "" {
			return &face.Refusal{Status: http.StatusBadRequest, Text: "The scope of the search is no folder here."}
		}
	}
	out := v.multistatus(s.Find)
	err = v.list(out, scope, s.Find, func(all []davprop.Property) bool {
		return s.Matches(func(name xml.Name) (string, bool) {
			found, ok := value(all, name)
			return found.Text, ok
		})
	})
	if err != nil {
		return err
	}
	return out.end()
}

// batch answers BPROPFIND: the properties of several messages.
func (v *visit) batch() error {
	if deep, _, err := v.depth(); err == nil && deep {
		return &face.Refusal{Status: http.StatusBadRequest, Text: "Depth has to be 0."}
	}
	body, err := v.body(maxQuestion)
	if err != nil {
		return err
	}
	hrefs, f, err := davprop.ParseBatch(body, v.MaxAsked)
	if err != nil {
		return wrong(err)
	}
	paths := make([]folderpath.Path, len(hrefs))
	valid := make([]bool, len(hrefs))
	var messages []folderpath.Path
	for i, href := range hrefs {
		if paths[i], err = v.resolve(href); err == nil {
			valid[i] = true
			if paths[i].User != "" {
				messages = append(messages, paths[i])
			}
		}
	}
	found := v.ask(v.r.Context(), messages)
	if err := tooMuch(found); err != nil {
		return err
	}
	out := v.multistatus(f)
	for i, href := range hrefs {
		switch {
		case !valid[i]:
			out.add(davprop.Response{Href: href, Status: http.StatusNotFound})
		case paths[i].User == "":
			out.add(v.told(paths[i], v.href(paths[i]), f, nil))
		default:
			out.add(v.told(paths[i], v.href(paths[i]), f, &found[0]))
			found = found[1:]
		}
	}
	return out.end()
}

// resolve returns the path of a URL, which may be relative to that of the request. Its
// host does not matter: clients know this server by many names.
func (v *visit) resolve(href string) (folderpath.Path, error) {
	u, err := url.Parse(href)
	if err != nil {
		return folderpath.Path{}, folderpath.ErrNotFound
	}
	base := &url.URL{Path: "/"}
	if b, err := base.Parse(v.path.Escaped()); err == nil {
		base = b
	}
	return folderpath.Parse(base.ResolveReference(u).EscapedPath())
}
