package folder

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"fbgate/davfb/face"
	"fbgate/translate/davprop"
	"fbgate/translate/folderpath"
)

var textXML = []string{"text/xml; charset=utf-8"}

// propfind answers PROPFIND of the resource, of what is in it, or both.
func (v *visit) propfind() error {
	deep, root, err := v.depth()
	if err != nil {
		return err
	}
	body, err := v.body(maxQuestion)
	if err != nil {
		return err
	}
	f, err := davprop.ParseFind(body)
	if err != nil {
		return wrong(err)
	}
	if v.path.User != "" {
		m, err := v.one()
		if err != nil {
			return err
		}
		out := v.multistatus(f)
		if root {
			out.add(chosen(v.href(v.path), f, v.properties(&m)))
		}
		return out.end()
	}
	out := v.multistatus(f)
	if root {
		out.add(chosen(v.href(v.path), f, v.cheap(v.path)))
	}
	if deep {
		if err := v.list(out, v.path, f, nil); err != nil {
			return err
		}
	}
	return out.end()
}

// depth reads the header: whether what is in the resource is asked for, and whether the
// resource itself is. No header stands for infinity (RFC 4918 9.1), which nobody gets of a
// folder; a message holds nothing.
func (v *visit) depth() (deep, root bool, err error) {
	depth, modifier, _ := strings.Cut(strings.ToLower(v.r.Header.Get("Depth")), ",")
	modifier = strings.TrimSpace(modifier)
	root = modifier == ""
	if modifier != "" && modifier != "noroot" {
		depth = "?"
	}
	switch strings.TrimSpace(depth) {
	case "0":
		return false, root, nil
	case "1":
		return true, root, nil
	case "", "infinity":
		if v.path.User != "" {
			return false, root, nil
		}
		return false, false, finiteDepth{}
	default:
		return false, false, &face.Refusal{Status: http.StatusBadRequest, Text: "Depth has to be 0, 1 or 1,noroot."}
	}
}

// list adds what is in a folder and matches.
func (v *visit) list(out *output, p folderpath.Path, f davprop.Find, matches func([]davprop.Property) bool) error {
	ctx, cancel := context.WithTimeout(v.r.Context(), listTime)
	defer cancel()
	if err := v.takeTurn(ctx); err != nil {
		return err
	}
	defer v.turn.Give()
	mustAsk := mustAsk(f.Props)
	var messages []folderpath.Path
	for q, err := range v.children(ctx, p) {
		if err != nil {
			return out.fail(err)
		}
		all := v.cheap(q)
		if matches != nil && !matches(all) {
			continue
		}
		if !mustAsk || q.User == "" {
			out.add(chosen(v.href(q), f, all))
			continue
		}
		if messages = append(messages, q); len(messages) > v.MaxAsked {
			return out.fail(&face.Refusal{Status: http.StatusInsufficientStorage, Text: fmt.Sprintf("There are more than %d messages here. Ask for their names, and then for the free/busy of each.", v.MaxAsked)})
		}
	}
	v.turn.Give()
	found := v.ask(v.r.Context(), messages)
	if err := tooMuch(found); err != nil {
		return out.fail(err)
	}
	for _, m := range found {
		out.add(v.told(m.path, v.href(m.path), f, &m))
	}
	return nil
}

// told returns what is told of a message among others.
func (v *visit) told(p folderpath.Path, href string, f davprop.Find, m *message) davprop.Response {
	switch {
	case m == nil:
		return chosen(href, f, v.cheap(p))
	case m.refusal != nil:
		return davprop.Response{Href: href, Status: m.refusal.Status}
	default:
		return chosen(href, f, v.properties(m))
	}
}

// finiteDepth refuses to list a folder with all below it.
type finiteDepth struct{}

// Error says so.
func (finiteDepth) Error() string { return "Depth is infinity, or missing" }

// Respond writes the precondition of RFC 4918 9.1.1.
func (finiteDepth) Respond(w http.ResponseWriter) {
	face.Write(w, http.StatusForbidden, textXML, func(b []byte) []byte {
		return append(b, `<?xml version="1.0"?><a:error xmlns:a="DAV:"><a:propfind-finite-depth/></a:error>`...)
	})
}

// wrong refuses a body.
func wrong(err error) error {
	return &face.Refusal{Status: http.StatusBadRequest, Text: "The body of the request cannot be read: " + err.Error() + "."}
}
