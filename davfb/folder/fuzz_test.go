package folder_test

import (
	"encoding/xml"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"fbgate/availability"
	"fbgate/availability/availabilitytest"
	"fbgate/davfb/folder"
	"fbgate/translate/davupdate"
	"fbgate/translate/folderpath"
	"fbgate/translate/proptag"
)

// far is published of, as it never becomes the past.
var far = availability.Window{Start: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC), End: time.Date(2100, 3, 1, 0, 0, 0, 0, time.UTC)}

// FuzzRequest asks the folder all that can be asked. Each answer says what its fields
// announce, each resource in one can be asked for again, and what was published is what
// the request is about.
func FuzzRequest(f *testing.F) {
	path, _ := folderpath.OfDN(dn + "mary")
	record, err := proptag.Encode(availability.NewSchedule(far, 0, []availability.Span{span(far.Start.Add(time.Hour), time.Hour, availability.Busy)}), far)
	if err != nil {
		f.Fatal(err)
	}
	patch := string(davupdate.Append(nil, path, record, far.Start))
	const ask = `<a:propfind xmlns:a="DAV:" xmlns:d="http://schemas.microsoft.com/mapi/proptag/"><a:target><a:href>USER-_xF8FF_cn=Recipients_xF8FF_cn=free.EML</a:href><a:href>../</a:href></a:target><a:prop><a:displayname/><d:x68531003/><d:X6849001E/><e:x xmlns:e="urn:e:"/></a:prop></a:propfind>`
	const find = `<a:searchrequest xmlns:a="DAV:"><a:sql>SELECT "DAV:href", "urn:schemas:httpmail:subject" FROM Scope('SHALLOW TRAVERSAL OF "` + group + `"') WHERE "DAV:ishidden" = false AND NOT "DAV:displayname" LIKE '%user0000%'</a:sql></a:searchrequest>`
	for _, target := range []string{"/public/NON_IPM_SUBTREE", base, group, mary, group + "USER-_xF8FF_cn=Recipients_xF8FF_cn=slow.EML", "/public/NON_IPM_SUBTREE/x"} {
		f.Add("PROPFIND", target, "0", ask)
		f.Add("PROPFIND", target, "1,noroot", "")
		f.Add("BPROPFIND", target, "", ask)
		f.Add("SEARCH", target, "", find)
		f.Add("GET", target, "bytes=0-99", "")
		f.Add("HEAD", target, "", "")
		f.Add("PROPPATCH", target, "t", patch)
		f.Add("POST", target, "", gccPatch)
		f.Add("DELETE", target, "", "")
		f.Add("OPTIONS", target, "", "")
	}
	for _, capture := range availabilitytest.Captures(f) {
		f.Add("PROPFIND", group, "infinity", string(capture))
	}
	everybody := people(8)
	for _, name := range []string{"mary", "late", "slow", "zz_xF8FF_&<>"} {
		everybody.all = append(everybody.all, folder.Recipient{LegacyDN: dn + name})
	}
	f.Fuzz(func(t *testing.T, method, target, modifier, body string) {
		u, err := url.ParseRequestURI(target)
		if err != nil || strings.ContainsAny(method, " \t\r\n") {
			return
		}
		p, c := writable()
		c.Recipients, c.MaxBody, c.MaxAsked = everybody, 32<<10, 6
		r := httptest.NewRequest(http.MethodGet, "http://gw.contoso.com/", strings.NewReader(body))
		r.Method, r.RequestURI, r.URL = method, target, u
		for _, name := range []string{"Depth", "Range", "Brief", "If-None-Match", "If-Modified-Since", "Destination", "If"} {
			r.Header.Set(name, modifier)
		}
		r.SetBasicAuth("sync", "secret")
		if !folder.Holds(r) {
			return
		}
		w := httptest.NewRecorder()
		folder.New(c).ServeHTTP(w, r)
		checkAnswer(t, r, w)
		asked, _ := folderpath.Parse(u.EscapedPath())
		for m, one := range p.kept {
			availabilitytest.CheckCanonical(t, one.Schedule)
			if m != availability.ParseMailbox(asked.DN()) || !m.IsLegacyDN() || one.Schedule.Known.Empty() || !one.Expires.After(one.At) || w.Code != http.StatusMultiStatus {
				t.Errorf("status %d, published: %+v", w.Code, one)
			}
		}
		if most := 64<<10 + 40*(len(body)+len(target)); w.Body.Len() > most {
			t.Errorf("%d bytes come of %d", w.Body.Len(), len(body))
		}
	})
}

// checkAnswer fails the test if an answer is not what it says, or leads nowhere.
func checkAnswer(t *testing.T, r *http.Request, w *httptest.ResponseRecorder) {
	t.Helper()
	header := w.Header()
	switch w.Code {
	case 200, 204, 206, 207, 304, 400, 401, 403, 404, 405, 412, 413, 414, 416, 503, 507:
	default:
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
	if header.Get("Location") != "" || strings.Contains(header.Get("Content-Type"), "html") {
		t.Errorf("%v", header)
	}
	if r.Method == http.MethodHead {
		return
	}
	if length := header.Get("Content-Length"); length != "" && length != strconv.Itoa(w.Body.Len()) {
		t.Errorf("%d bytes are announced as %s", w.Body.Len(), length)
	}
	if w.Code >= 400 && w.Body.Len() > 2000 {
		t.Errorf("status %d in %d bytes", w.Code, w.Body.Len())
	}
	if w.Code != http.StatusMultiStatus {
		return
	}
	var answer struct {
		XMLName   xml.Name
		Responses []struct {
			Href     string `xml:"DAV: href"`
			Status   string `xml:"DAV: status"`
			Propstat []struct {
				Status string `xml:"DAV: status"`
			} `xml:"DAV: propstat"`
		} `xml:"DAV: response"`
	}
	if err := xml.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		t.Fatalf("%s: %v", w.Body, err)
	}
	if n, err := readByPosition(w.Body.Bytes()); n != len(answer.Responses) || err != nil {
		t.Errorf("Evolution reads %d of %d responses, %v: %s", n, len(answer.Responses), err, w.Body)
	}
	for _, one := range answer.Responses {
		if (one.Status == "") == (len(one.Propstat) == 0) {
			t.Errorf("%s: %+v", one.Href, one)
		}
		if strings.Contains(one.Status, "404") {
			continue // as the client wrote it
		}
		u, err := url.Parse(one.Href)
		if err != nil || u.Host != "gw.contoso.com" {
			t.Errorf("%q is no URL here: %v", one.Href, err)
			continue
		}
		if _, err := folderpath.Parse(u.EscapedPath()); err != nil && !strings.Contains(one.Href, "_") {
			t.Errorf("%q leads nowhere", one.Href)
		}
	}
	if r.Method == "PROPFIND" && len(answer.Responses) > 15 {
		t.Errorf("%d responses", len(answer.Responses))
	}
}
