package foldertest_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"fbgate/availability"
	"fbgate/availability/exchangetest/foldertest"
)

const (
	group = "/o=Org/ou=A"
	mary  = "/o=Org/ou=A/cn=Recipients/cn=mary"
	path  = "/public/NON_IPM_SUBTREE/SCHEDULE%2B%20FREE%20BUSY/EX:_xF8FF_o=Org_xF8FF_ou=A/USER-_xF8FF_cn=Recipients_xF8FF_cn=mary.EML"
)

// good is October and November 2009, with 28 October 16:00 to 17:30 and 29 October 9:00 to
// 10:00 busy, and 31 October 22:00 to 1 November 2:00 away.
const good = `<?xml version="1.0" encoding="utf-8"?><a:propertyupdate xmlns:a="DAV:" xmlns:b="urn:uuid:c2f41010-65b3-11d1-a29f-00aa00c14882/" xmlns:c="xml:" xmlns:d="http://schemas.microsoft.com/mapi/proptag/" xmlns:e="http://schemas.microsoft.com/mapi/"><a:set><a:prop>` +
	`<d:x68410003 b:dt="int">0</d:x68410003><d:x10F2000B b:dt="boolean">1</d:x10F2000B><d:x3FF10003 b:dt="int">1033</d:x3FF10003><d:x66A10003 b:dt="int">1033</d:x66A10003>` +
	`<d:x68680040 b:dt="dateTime.tz">2009-10-09T08:00:00.000Z</d:x68680040><e:subject>USER-/CN=RECIPIENTS/CN=MARY</e:subject><d:x0E1D001F>USER-/CN=RECIPIENTS/CN=MARY</d:x0E1D001F><d:x0070001F>USER-/CN=RECIPIENTS/CN=MARY</d:x0070001F><d:x003D001F></d:x003D001F>` +
	`<d:x6849001F>/o=Org/ou=A/cn=Recipients/cn=mary</d:x6849001F>` +
	`<d:x68531003 b:dt="mv.int"><c:v>32154</c:v><c:v>32155</c:v></d:x68531003><d:x68541102 b:dt="mv.bin.base64"><c:v>oJv6m5yf2J8=</c:v><c:v></c:v></d:x68541102>` +
	`<d:x684f1003 b:dt="mv.int"><c:v>32154</c:v><c:v>32155</c:v></d:x684f1003><d:x68501102 b:dt="mv.bin.base64"><c:v>oJv6m5yf2J/orWCu</c:v><c:v>AAB4AA==</c:v></d:x68501102>` +
	`<d:x68551003 b:dt="mv.int"><c:v>32154</c:v><c:v>32155</c:v></d:x68551003><d:x68561102 b:dt="mv.bin.base64"><c:v>6K1grg==</c:v><c:v>AAB4AA==</c:v></d:x68561102>` +
	`<d:x68470003 b:dt="int">214980480</d:x68470003><d:x68480003 b:dt="int">215068320</d:x68480003></a:prop></a:set>` +
	`<a:remove><a:prop><d:x68511003/><d:x68521102/></a:prop></a:remove></a:propertyupdate>`

func send(s *foldertest.Server, method, path, body string) (int, string) {
	r := httptest.NewRequest(method, "http://mail"+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "text/xml")
	r.Header.Set("Translate", "f")
	r.Header.Set("Depth", "0")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	b, _ := io.ReadAll(w.Result().Body)
	return w.Code, string(b)
}

func TestItem(t *testing.T) {
	s := foldertest.New(group)
	for _, method := range []string{"GET", "DELETE", "PROPFIND"} {
		if status, _ := send(s, method, path, ""); status != 404 {
			t.Errorf("%s before there is an item: %d", method, status)
		}
	}
	status, body := send(s, "PROPPATCH", path, good)
	if status != 207 || !strings.Contains(body, "<a:status>HTTP/1.1 200 OK</a:status>") || strings.Count(body, "<a:propstat>") != 1 {
		t.Fatalf("%d %s", status, body)
	}
	item, ok := s.Item(strings.ToUpper(mary))
	if !ok || item.Subject != "USER-/CN=RECIPIENTS/CN=MARY" || item.DN != mary {
		t.Errorf("%+v", item)
	}
	for moment, want := range map[string]availability.Status{
		"2009-09-30 23:59": availability.NoData, "2009-10-01 00:00": availability.Free, "2009-10-28 15:59": availability.Free,
		"2009-10-28 16:00": availability.Busy, "2009-10-28 17:29": availability.Busy, "2009-10-28 17:30": availability.Free,
		"2009-10-29 09:30": availability.Busy, "2009-10-31 22:00": availability.OOF, "2009-11-01 01:59": availability.OOF,
		"2009-11-01 02:00": availability.Free, "2009-11-30 23:59": availability.Free, "2009-12-01 00:00": availability.NoData,
	} {
		at, err := time.Parse("2006-01-02 15:04", moment)
		if err != nil || item.At(at) != want {
			t.Errorf("%s: %v, want %v", moment, item.At(at), want)
		}
	}
	if status, _ := send(s, "GET", path, ""); status != 200 {
		t.Errorf("GET: %d", status)
	}
	const find = `<D:propfind xmlns:D="DAV:" xmlns:p="http://schemas.microsoft.com/mapi/proptag/"><D:prop><p:x68541102/><p:x684F1003/><p:x68470003/><p:x68521102/></D:prop></D:propfind>`
	const want = `<a:propstat><a:status>HTTP/1.1 200 OK</a:status><a:prop><e:x68541102 b:dt="mv.bin.base64"><c:v>oJv6m5yf2J8=</c:v><c:v></c:v></e:x68541102>` +
		`<e:x684F1003 b:dt="mv.int"><c:v>32154</c:v><c:v>32155</c:v></e:x684F1003><e:x68470003 b:dt="int">214980480</e:x68470003></a:prop></a:propstat>` +
		`<a:propstat><a:status>HTTP/1.1 404 Not Found</a:status><a:prop><e:x68521102/></a:prop></a:propstat>`
	if status, body := send(s, "PROPFIND", path, find); status != 207 || !strings.Contains(body, want) {
		t.Errorf("PROPFIND: %d %s", status, body)
	}
	if status, _ := send(s, "DELETE", path, ""); status != 200 || len(s.Items()) != 0 {
		t.Errorf("DELETE: %d, %v", status, s.Items())
	}
}

func TestStrict(t *testing.T) {
	for name, change := range map[string][2]string{
		"a wrong type":        {`x68470003 b:dt="int"`, `x68470003 b:dt="string"`},
		"no type":             {`x68470003 b:dt="int"`, `x68470003`},
		"another order":       {`<d:x68410003 b:dt="int">0</d:x68410003><d:x10F2000B b:dt="boolean">1</d:x10F2000B>`, `<d:x10F2000B b:dt="boolean">1</d:x10F2000B><d:x68410003 b:dt="int">0</d:x68410003>`},
		"unequal lists":       {`<c:v>32154</c:v><c:v>32155</c:v></d:x68531003>`, `<c:v>32154</c:v></d:x68531003>`},
		"a month too few":     {`<c:v>AAB4AA==</c:v></d:x68561102>`, `</d:x68561102>`},
		"months that descend": {`<c:v>32154</c:v><c:v>32155</c:v></d:x68531003>`, `<c:v>32155</c:v><c:v>32154</c:v></d:x68531003>`},
		"another month":       {`<c:v>32155</c:v></d:x68531003>`, `<c:v>32156</c:v></d:x68531003>`},
		"white space":         {`<c:v>32154</c:v><c:v>32155</c:v></d:x68531003>`, `<c:v>32154</c:v> <c:v>32155</c:v></d:x68531003>`},
		"blocks that touch":   {`<c:v>AAB4AA==</c:v></d:x68561102>`, `<c:v>AAA8ADwAeAA=</c:v></d:x68561102>`},
		"half a block":        {`<c:v>AAB4AA==</c:v></d:x68561102>`, `<c:v>AAA=</c:v></d:x68561102>`},
		"an end before start": {`<c:v>AAB4AA==</c:v></d:x68561102>`, `<c:v>eAAAAA==</c:v></d:x68561102>`},
		"beyond the month":    {`<c:v>6K1grg==</c:v><c:v>AAB4AA==</c:v></d:x68561102>`, `<c:v>6K1hrg==</c:v><c:v>AAB4AA==</c:v></d:x68561102>`},
		"merged is not both":  {`<c:v>oJv6m5yf2J/orWCu</c:v>`, `<c:v>oJv6m5yf2J8=</c:v>`},
		"no base64":           {`<c:v>6K1grg==</c:v>`, `<c:v>6K1grg</c:v>`},
		"a range that is not": {`215068320`, `214980480`},
		"not at a month":      {`214980480`, `214980481`},
		"another range":       {`215068320`, `215112960`},
		"another subject":     {`<e:subject>USER-/CN=RECIPIENTS/CN=MARY`, `<e:subject>USER-/cn=Recipients/cn=mary`},
		"somebody else":       {`/cn=mary</d:x6849001F>`, `/cn=joe</d:x6849001F>`},
		"another time":        {`08:00:00.000Z`, `08:00:00Z`},
		"an unknown property": {`<d:x68410003 b:dt="int">0</d:x68410003>`, `<d:x68410003 b:dt="int">0</d:x68410003><d:x68990003 b:dt="int">0</d:x68990003>`},
		"a name that is not":  {`x68410003`, `x6841003`},
		"not removed":         {`<d:x68511003/>`, ``},
		"removed and set":     {`<d:x68511003/>`, `<d:x68511003/><d:x68531003/>`},
		"another namespace":   {`xmlns:c="xml:"`, `xmlns:c="DAV:"`},
		"no set":              {`<a:set>`, `<a:put>`},
		"remove before set":   {`<a:set>`, `<a:remove/><a:set>`},
		"something after":     {`</a:propertyupdate>`, `</a:propertyupdate><x/>`},
		"no XML":              {`<?xml`, `<<`},
	} {
		if strings.Count(good, change[0]) < 1 {
			t.Errorf("%s: nothing is changed", name)
		}
		s := foldertest.New(group)
		body := strings.ReplaceAll(good, change[0], change[1])
		if status, _ := send(s, "PROPPATCH", path, body); status != 400 || len(s.Items()) != 0 {
			t.Errorf("%s: %d", name, status)
		}
	}
}

func TestPaths(t *testing.T) {
	s := foldertest.New(group)
	for from, to := range map[string]string{"": "", "mary": "MARY", "_cn=": "_CN=", "SCHEDULE": "schedule"} {
		if status, body := send(s, "PROPPATCH", strings.ReplaceAll(path, from, to), good); status != 207 && from != "" {
			t.Errorf("%s: %d %s", to, status, body)
		}
	}
	for from, to := range map[string]string{
		"%2B": "+", "EX:": "", "USER-": "", ".EML": "", "_xF8FF_o=Org": "_xF8FF_cn=Org", "/NON_IPM_SUBTREE": "", "_xF8FF_cn=": "cn=", "/public": "/exchange",
	} {
		if status, _ := send(s, "PROPPATCH", strings.ReplaceAll(path, from, to), good); status != 404 {
			t.Errorf("%s instead of %s: %d", to, from, status)
		}
	}
	if status, _ := send(s, "PROPPATCH", strings.ReplaceAll(path, "ou=A", "ou=B"), good); status != 409 {
		t.Errorf("no such folder: %d", status)
	}
}

func TestFaults(t *testing.T) {
	s := foldertest.New(group)
	s.Fail(mary, foldertest.Fault{Status: 503, RetryAfter: time.Minute, Times: 1})
	if status, _ := send(s, "PROPPATCH", path, good); status != 503 || len(s.Items()) != 0 {
		t.Errorf("%d", status)
	}
	s.Fail(mary, foldertest.Fault{Property: 403})
	if status, body := send(s, "PROPPATCH", path, good); status != 207 || !strings.Contains(body, "HTTP/1.1 403 Forbidden") || len(s.Items()) != 0 {
		t.Errorf("%d %s", status, body)
	}
	s.Fail(mary, foldertest.Fault{Status: 500, Late: true})
	if status, _ := send(s, "PROPPATCH", path, good); status != 500 || len(s.Items()) != 1 {
		t.Errorf("%d", status)
	}
	s.FailAll(foldertest.Fault{Status: 401})
	if status, _ := send(s, "GET", path, ""); status != 401 {
		t.Errorf("%d", status)
	}
	s.FailAll(foldertest.Fault{})
	s.Fail(mary, foldertest.Fault{})
	s.Username, s.Password = "me", "secret"
	if status, _ := send(s, "GET", path, ""); status != 401 {
		t.Errorf("without a password: %d", status)
	}
	if requests := s.Requests(); requests[0] != (foldertest.Request{Method: "PROPPATCH", DN: strings.ToLower(mary), Status: 503}) {
		t.Errorf("%+v", requests[0])
	}
}

func TestNetwork(t *testing.T) {
	s := foldertest.New(group)
	url, stop, err := s.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	s.FailAll(foldertest.Fault{Reset: true})
	root := strings.TrimSuffix(url, "/public/")
	if r, err := http.Get(root + path); err == nil {
		r.Body.Close()
		t.Errorf("HTTP %d", r.StatusCode)
	}
	s.FailAll(foldertest.Fault{})
	r, err := http.Get(root + path)
	if err != nil || r.StatusCode != 404 {
		t.Fatal(r, err)
	}
	r.Body.Close()
}
