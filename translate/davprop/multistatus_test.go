package davprop_test

import (
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"fbgate/availability"
	at "fbgate/availability/availabilitytest"
	"fbgate/translate/davprop"
	"fbgate/translate/proptag"
)

func write(names []xml.Name, brief bool, responses ...davprop.Response) string {
	m := davprop.NewMultistatus(names, brief)
	b := m.AppendStart(nil)
	for _, r := range responses {
		b = m.AppendResponse(b, r)
	}
	return string(m.AppendEnd(b))
}

func TestMultistatus(t *testing.T) {
	name := func(space, local string) xml.Name { return xml.Name{Space: space, Local: local} }
	const tags = "http://schemas.microsoft.com/mapi/proptag/"
	found := []davprop.Property{
		{Name: name("DAV:", "displayname"), Value: davprop.Text("Rock & Roll")},
		{Name: name("DAV:", "resourcetype"), Value: davprop.Value{Collection: true}},
		{Name: name("DAV:", "isfolder"), Value: davprop.Bool(true)},
		{Name: name(tags, "0x6849001E"), Value: davprop.Text("")},
		{Name: name(tags, "x68470003"), Value: davprop.Int(-1)},
		{Name: name(tags, "x68680040"), Value: davprop.Time(time.Date(2007, 12, 30, 5, 19, 7, 423e6, time.UTC))},
		{Name: name("DAV:", "getlastmodified"), Value: davprop.HTTPTime(time.Date(2007, 12, 30, 5, 19, 7, 423e6, time.UTC))},
		{Name: name(tags, "x68531003"), Value: davprop.Ints([]int32{32124, 32129})},
		{Name: name(tags, "x68541102"), Value: davprop.Binaries([][]byte{{1, 2, 3, 4}, nil})},
	}
	missing := []xml.Name{name("urn:x&y", "z"), name("", "plain")}
	var all []xml.Name
	for _, p := range found {
		all = append(all, p.Name)
	}
	all = append(all, missing...)
	const head = `<?xml version="1.0"?><a:multistatus xmlns:b="urn:uuid:c2f41010-65b3-11d1-a29f-00aa00c14882/" xmlns:d="http://schemas.microsoft.com/mapi/proptag/" xmlns:c="xml:" xmlns:e="urn:x&amp;y" xmlns:a="DAV:">`
	const ok = `<a:propstat><a:status>HTTP/1.1 200 OK</a:status><a:prop>` +
		`<a:displayname>Rock &amp; Roll</a:displayname><a:resourcetype><a:collection/></a:resourcetype><a:isfolder b:dt="boolean">1</a:isfolder>` +
		`<d:0x6849001E/><d:x68470003 b:dt="int">-1</d:x68470003><d:x68680040 b:dt="dateTime.tz">2007-12-30T05:19:07.423Z</d:x68680040>` +
		`<a:getlastmodified b:dt="dateTime.rfc1123">Sun, 30 Dec 2007 05:19:07 GMT</a:getlastmodified>` +
		`<d:x68531003 b:dt="mv.int"><c:v>32124</c:v><c:v>32129</c:v></d:x68531003><d:x68541102 b:dt="mv.bin.base64"><c:v>AQIDBA==</c:v><c:v/></d:x68541102></a:prop></a:propstat>`
	const lacking = `<a:propstat><a:status>HTTP/1.1 404 Not Found</a:status><a:prop><e:z/><plain/></a:prop></a:propstat>`
	tests := []struct {
		name  string
		brief bool
		r     davprop.Response
		want  string
	}{
		{"both", false, davprop.Response{Href: "http://h/a&b", Found: found, Missing: missing}, `<a:response><a:href>http://h/a&amp;b</a:href>` + ok + lacking + `</a:response>`},
		{"brief", true, davprop.Response{Href: "x", Found: found, Missing: missing}, `<a:response><a:href>x</a:href>` + ok + `</a:response>`},
		{"brief, and nothing there", true, davprop.Response{Href: "x", Missing: missing}, `<a:response><a:href>x</a:href><a:propstat><a:status>HTTP/1.1 200 OK</a:status><a:prop></a:prop></a:propstat></a:response>`},
		{"nothing there", false, davprop.Response{Href: "x", Missing: missing}, `<a:response><a:href>x</a:href>` + lacking + `</a:response>`},
		{"a resource that failed", false, davprop.Response{Href: "x", Status: 503, Found: found}, `<a:response><a:href>x</a:href><a:status>HTTP/1.1 503 Service Unavailable</a:status></a:response>`},
	}
	for _, test := range tests {
		got := write(all, test.brief, test.r)
		if want := head + test.want + "</a:multistatus>"; got != want {
			t.Errorf("%s:\n%s\n%s is expected", test.name, got, want)
		}
		if test.r.Status == 0 {
			if _, err := readByPosition(got); err != nil {
				t.Errorf("%s: %v", test.name, err)
			}
		}
	}
}

func TestPrefixesNeverRunOut(t *testing.T) {
	var all []xml.Name
	for i := range 60 {
		all = append(all, xml.Name{Space: fmt.Sprintf("urn:%d", i), Local: "x"})
	}
	got := write(all, false, davprop.Response{Missing: all})
	var read struct {
		Props []struct{ XMLName xml.Name } `xml:"response>propstat>prop>x"`
	}
	if err := xml.Unmarshal([]byte(got), &read); err != nil || len(read.Props) != len(all) {
		t.Fatalf("%v, %s", err, got)
	}
	for i, p := range read.Props {
		if p.XMLName != all[i] {
			t.Errorf("%v came back as %v", all[i], p.XMLName)
		}
	}
}

// The captured reply of an Exchange, read by position and asked for again.
func TestCapture(t *testing.T) {
	capture := string(at.Vector(t, "dav/gcc_FreeBusyPublicFolderResponse.xml"))
	props, err := readByPosition(capture)
	if err != nil {
		t.Fatal(err)
	}
	const href = "http://localhost/public/NON_IPM_SUBTREE/SCHEDULE%2B%20FREE%20BUSY/EX:_xF8FF_o=GooLab_xF8FF_ou=First%20Administrative%20Group/USER-_xF8FF_cn=Recipients_xF8FF_cn=phoney.EML"

	busy := func(day, hour, minute, length int) availability.Span {
		start := time.Date(2007, 12, day, hour, minute, 0, 0, time.UTC)
		return availability.Span{Window: availability.Window{Start: start, End: start.Add(time.Duration(length) * time.Minute)}, Status: availability.Busy}
	}
	whole := availability.Window{Start: time.Date(2007, 12, 1, 0, 0, 0, 0, time.UTC), End: time.Date(2008, 3, 1, 0, 0, 0, 0, time.UTC)}
	r, err := proptag.Encode(availability.NewSchedule(whole, 0, []availability.Span{
		busy(11, 20, 30, 30), busy(11, 22, 30, 30), busy(12, 17, 30, 30), busy(13, 19, 30, 30), busy(16, 19, 0, 30), busy(18, 19, 30, 30),
		busy(18, 22, 30, 120), busy(26, 18, 0, 30), busy(26, 20, 30, 30), busy(31, 17, 30, 30), busy(31, 21, 0, 30), busy(33, 17, 30, 30), busy(33, 21, 0, 180),
	}), whole)
	if err != nil {
		t.Fatal(err)
	}
	// That server published from midnight to midnight of its own time zone.
	r.Range = availability.Window{Start: whole.Start.Add(8 * time.Hour), End: whole.End.Add(8 * time.Hour)}
	ours := map[xml.Name]davprop.Property{}
	for _, p := range append(davprop.RecordProperties(r),
		davprop.Property{Name: xml.Name{Space: davprop.MAPI, Local: "subject"}, Value: davprop.Text("USER-/CN=RECIPIENTS/CN=PHONEY")},
		davprop.Property{Name: davprop.Tag(0x68680040), Value: davprop.Time(time.Date(2007, 12, 30, 5, 19, 7, 423e6, time.UTC))}) {
		ours[p.Name] = p
	}
	var names []xml.Name
	response := davprop.Response{Href: href}
	for _, p := range props {
		names = append(names, p.name)
		response.Found = append(response.Found, ours[p.name])
	}
	written := write(names, true, response)
	again, err := readByPosition(written)
	if err != nil || !reflect.DeepEqual(again, props) {
		t.Errorf("%v\n%v\n%v is expected", err, again, props)
	}
	if want := strings.TrimRight(capture, "\r\n"); written != want {
		t.Errorf("\n%s\n%s is expected", written, want)
	}
}

// element is XML as a tree, white space included: what a client like Evolution walks over.
type element struct {
	name     xml.Name
	dt       string
	children []*element
	text     string
}

// parse builds the tree; text between elements is a child of no name.
func parse(document string) (*element, error) {
	d := xml.NewDecoder(strings.NewReader(document))
	stack := []*element{{}}
	for {
		token, err := d.Token()
		if err != nil && len(stack) == 1 && len(stack[0].children) == 1 {
			return stack[0].children[0], nil
		}
		if err != nil {
			return nil, err
		}
		top := stack[len(stack)-1]
		switch token := token.(type) {
		case xml.StartElement:
			e := &element{name: token.Name}
			for _, a := range token.Attr {
				if a.Name == (xml.Name{Space: "urn:uuid:c2f41010-65b3-11d1-a29f-00aa00c14882/", Local: "dt"}) {
					e.dt = a.Value
				}
			}
			top.children, stack = append(top.children, e), append(stack, e)
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			top.text += string(token)
			top.children = append(top.children, &element{text: string(token)})
		}
	}
}

// read is a property as such a client sees it.
type read struct {
	name   xml.Name
	dt     string
	text   string
	values []string
}

// readByPosition reads a multistatus of one response as Evolution does: the first child
// of a propstat is the status and the next one prop, and each child of a property with
// several values is one, whatever it is. It returns what has the status 200.
func readByPosition(document string) ([]read, error) {
	root, err := parse(document)
	if err != nil {
		return nil, err
	}
	dav := func(e *element, local string) bool { return e.name == xml.Name{Space: "DAV:", Local: local} }
	if !dav(root, "multistatus") || len(root.children) != 1 || !dav(root.children[0], "response") {
		return nil, errors.New("no multistatus of one response")
	}
	var all []read
	for i, child := range root.children[0].children {
		if i == 0 {
			if !dav(child, "href") {
				return nil, errors.New("no href at first")
			}
			continue
		}
		if !dav(child, "propstat") || len(child.children) < 2 || !dav(child.children[0], "status") || !dav(child.children[1], "prop") {
			return nil, fmt.Errorf("child %d is no propstat of status and prop", i)
		}
		if !strings.Contains(child.children[0].text, " 200 ") {
			continue
		}
		for _, p := range child.children[1].children {
			one := read{name: p.name, dt: p.dt, text: p.text}
			if strings.HasPrefix(p.dt, "mv.") {
				one.values = []string{}
				for _, v := range p.children {
					if p.dt == "mv.bin.base64" {
						if _, err := base64.StdEncoding.DecodeString(v.text); err != nil {
							return nil, err
						}
					}
					if v.name != (xml.Name{Space: "xml:", Local: "v"}) {
						return nil, fmt.Errorf("a value of %v is %v", p.name, v.name)
					}
					one.values = append(one.values, v.text)
				}
			}
			all = append(all, one)
		}
	}
	return all, nil
}

// The reader has to notice what it is there for.
func TestTheReaderByPositionIsStrict(t *testing.T) {
	good := write(nil, false, davprop.Response{Href: "x", Found: []davprop.Property{{Name: xml.Name{Space: "DAV:", Local: "m"}, Value: davprop.Ints([]int32{1})}}})
	if _, err := readByPosition(good); err != nil {
		t.Fatal(err)
	}
	for _, replace := range [][2]string{
		{"<a:propstat><a:status>", "<a:propstat> <a:status>"}, {"</a:status><a:prop>", "</a:status> <a:prop>"}, {"><c:v>", "> <c:v>"},
	} {
		if bad := strings.Replace(good, replace[0], replace[1], 1); bad == good {
			t.Errorf("%s is not there", replace[0])
		} else if _, err := readByPosition(bad); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}
