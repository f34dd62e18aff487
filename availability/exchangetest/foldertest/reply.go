package foldertest

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

const envelope = `<a:multistatus xmlns:b="urn:uuid:c2f41010-65b3-11d1-a29f-00aa00c14882/" xmlns:d="http://schemas.microsoft.com/mapi/" xmlns:c="xml:" xmlns:e="http://schemas.microsoft.com/mapi/proptag/" xmlns:a="DAV:"><a:response><a:href>%s</a:href>%s</a:response></a:multistatus>`

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder takes all
	return b.String()
}

func href(r *http.Request) string { return escape("http://" + r.Host + r.URL.EscapedPath()) }

func propstat(status int, prop string) string {
	return fmt.Sprintf(`<a:propstat><a:status>HTTP/1.1 %d %s</a:status><a:prop>%s</a:prop></a:propstat>`, status, http.StatusText(status), prop)
}

func element0(name xml.Name) string {
	prefix := "e:"
	if name.Space == nsMAPI {
		prefix = "d:"
	}
	return "<" + prefix + name.Local + "/>"
}

// patched says that all properties of an update have one status. If that is a failure, the
// first of them is done nevertheless according to the reply, which names each.
func patched(r *http.Request, p properties, status int) string {
	var done, rest strings.Builder
	for i, one := range p.set {
		if i == 0 && status != http.StatusOK {
			done.WriteString(propstat(http.StatusOK, element0(one.name)))
			continue
		}
		rest.WriteString(element0(one.name))
	}
	for _, name := range p.removed {
		rest.WriteString(element0(name))
	}
	return fmt.Sprintf(envelope, href(r), done.String()+propstat(status, rest.String()))
}

// propFind answers with the properties asked for, each under the name it was asked by:
// status before prop, and no white space, as readers rely on it.
func propFind(w *reply, r *http.Request, item Item, body []byte) {
	root, err := readXML(r.Header, body)
	if err != nil || !root.is(nsDAV, "propfind") || len(root.Children) != 1 || !root.Children[0].is(nsDAV, "prop") || r.Header.Get("Depth") != "0" {
		w.page(http.StatusBadRequest, fmt.Sprintf("a propfind of depth 0 with names is expected: %v", err))
		return
	}
	var found, missing strings.Builder
	for _, asked := range root.Children[0].Children {
		at := slices.IndexFunc(item.lists.set, func(p property) bool {
			return p.name.Space == asked.XMLName.Space && tag(p.name) == tag(asked.XMLName)
		})
		if at < 0 {
			missing.WriteString(element0(asked.XMLName))
			continue
		}
		p := item.lists.set[at]
		empty := element0(asked.XMLName)
		name := strings.Trim(empty, "</>")
		found.WriteString("<" + name)
		if p.dt != "" {
			found.WriteString(` b:dt="` + p.dt + `"`)
		}
		found.WriteString(">" + escape(p.text))
		for _, v := range p.values {
			found.WriteString("<c:v>" + escape(v) + "</c:v>")
		}
		found.WriteString("</" + name + ">")
	}
	inside := propstat(http.StatusOK, found.String())
	if missing.Len() > 0 && !strings.EqualFold(r.Header.Get("Brief"), "t") {
		inside += propstat(http.StatusNotFound, missing.String())
	}
	w.multistatus(fmt.Sprintf(envelope, href(r), inside))
}
