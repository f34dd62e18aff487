package folder

import (
	"encoding/xml"
	"slices"

	"fbgate/translate/davprop"
	"fbgate/translate/folderpath"
)

// The properties of messages that are no list of appointments.
const (
	tagSubject           = 0x0037001f
	tagNormalizedSubject = 0x0e1d001f
	tagConversationTopic = 0x0070001f
	tagResourceType      = 0x68410003
	tagEmailAddress      = 0x6849001f
	tagRangeTimestamp    = 0x68680040
	tagCountMonths       = 0x68690003
)

func dav(local string) xml.Name { return xml.Name{Space: davprop.DAV, Local: local} }

var (
	mapiSubject = xml.Name{Space: davprop.MAPI, Local: "subject"}
	mailSubject = xml.Name{Space: davprop.HTTPMail, Local: "subject"}
)

// ownNames have the namespaces of what is told if nobody says what to tell.
var ownNames = []xml.Name{mapiSubject, davprop.Tag(tagSubject), mailSubject}

// mustAsk reports whether one of these properties is free/busy, which the source alone
// knows: nobody is asked about all that are in a folder unless somebody wants it. When a
// message was last modified does not count, as every client of WebDAV asks for that; of
// what is listed it is not known.
func mustAsk(names []xml.Name) bool {
	return slices.ContainsFunc(names, func(name xml.Name) bool {
		name = davprop.Key(name)
		tag := name.Local[:min(len(name.Local), len("x6847"))]
		return name.Space == davprop.Proptag && (tag == "x6847" || tag == "x6848" || tag >= "x684f" && tag <= "x6856" || tag == "x6868" || tag == "x6869")
	})
}

// cheap returns the properties that are known without asking anybody, in a fixed order.
func (v *visit) cheap(p folderpath.Path) []davprop.Property {
	isFolder := p.User == ""
	all := []davprop.Property{
		{Name: dav("displayname"), Value: davprop.Text(p.Name())},
		{Name: dav("href"), Value: davprop.Text(v.href(p))},
		{Name: dav("resourcetype"), Value: davprop.Value{Collection: isFolder}},
		{Name: dav("iscollection"), Value: davprop.Bool(isFolder)},
		{Name: dav("isfolder"), Value: davprop.Bool(isFolder)},
		{Name: dav("ishidden"), Value: davprop.Bool(false)},
	}
	if isFolder {
		return append(all, davprop.Property{Name: dav("contentclass"), Value: davprop.Text("urn:content-classes:folder")})
	}
	subject := davprop.Text(p.Subject())
	return append(all,
		davprop.Property{Name: dav("getcontentlength"), Value: davprop.Int(int32(v.textLen(p)))},
		davprop.Property{Name: dav("getcontenttype"), Value: davprop.Text(plainText)},
		davprop.Property{Name: mapiSubject, Value: subject},
		davprop.Property{Name: mailSubject, Value: subject},
		davprop.Property{Name: davprop.Tag(tagSubject), Value: subject},
		davprop.Property{Name: davprop.Tag(tagConversationTopic), Value: subject},
		davprop.Property{Name: davprop.Tag(tagNormalizedSubject), Value: subject},
		davprop.Property{Name: davprop.Tag(tagResourceType), Value: davprop.Int(0)},
		davprop.Property{Name: davprop.Tag(tagEmailAddress), Value: davprop.Text(p.DN())},
	)
}

// properties returns all of a message.
func (v *visit) properties(m *message) []davprop.Property {
	all := append(v.cheap(m.path), davprop.RecordProperties(m.record)...)
	return append(all,
		davprop.Property{Name: dav("getlastmodified"), Value: davprop.HTTPTime(m.at())},
		davprop.Property{Name: davprop.Tag(tagRangeTimestamp), Value: davprop.Time(m.at())},
		davprop.Property{Name: davprop.Tag(tagCountMonths), Value: davprop.Int(int32(len(m.record.Busy)))},
	)
}

// value finds a property by any of its spellings.
func value(all []davprop.Property, name xml.Name) (davprop.Value, bool) {
	key := davprop.Key(name)
	for i := range all {
		if all[i].Name == key {
			return all[i].Value, true
		}
	}
	return davprop.Value{}, false
}

// chosen returns what was asked for of the properties there are, in the order and
// spelling of the question.
func chosen(href string, f davprop.Find, all []davprop.Property) davprop.Response {
	r := davprop.Response{Href: href}
	switch {
	case f.All:
		r.Found = all
	case f.NamesOnly:
		for _, p := range all {
			r.Found = append(r.Found, davprop.Property{Name: p.Name})
		}
	default:
		for _, name := range f.Props {
			if v, ok := value(all, name); ok {
				r.Found = append(r.Found, davprop.Property{Name: name, Value: v})
			} else {
				r.Missing = append(r.Missing, name)
			}
		}
	}
	return r
}
