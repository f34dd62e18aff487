package folderpath_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"fbgate/translate/folderpath"
)

const base = "/public/NON_IPM_SUBTREE/SCHEDULE%2B%20FREE%20BUSY/"

func TestParse(t *testing.T) {
	const group = base + "EX:_xF8FF_o=Ximian%20XCS_xF8FF_ou=XCS/"
	tests := []struct{ path, dn string }{
		// As Evolution and GCC's FreeBusyBuilder write it.
		{group + "USER-_xF8FF_CN=RECIPIENTS_xF8FF_CN=DANW.EML", "/o=Ximian XCS/ou=XCS/CN=RECIPIENTS/CN=DANW"},
		// Zimbra.
		{group + "USER-_xF8FF_cn=RECIPIENTS_xF8FF_cn=USER1.EML", "/o=Ximian XCS/ou=XCS/cn=RECIPIENTS/cn=USER1"},
		// Exchange's own.
		{group + "USER-_xF8FF_cn=Recipients_xF8FF_cn=phoney.EML", "/o=Ximian XCS/ou=XCS/cn=Recipients/cn=phoney"},
		// Upper case in the folder, lower in the message (GCC, issue 38).
		{base + "EX:_xF8FF_O=Org_xF8FF_OU=First/USER-_xF8FF_cn=Recipients_xF8FF_cn=BerrySchreuder.EML", "/O=Org/OU=First/cn=Recipients/cn=BerrySchreuder"},
		// Another container, and none.
		{base + "EX:_xF8FF_o=Org/USER-_xF8FF_cn=Sales_xF8FF_cn=mary.EML", "/o=Org/cn=Sales/cn=mary"},
		{base + "EX:_xF8FF_o=Org/USER-_xF8FF_cn=mary.EML", "/o=Org/cn=mary"},
		// Other characters, in lower-case hexadecimal digits.
		{base + "ex:_xf8ff_o=A%2bB%3f_xf8ff_ou=C_x003f__x007e__xF8FE_/user-_xf8ff_cn=m%c3%bcller_x.eml", `/o=A+B?/ou=C?~\/cn=müller_x`},
		// The folder's name with a bare plus, with plus for space, escaped altogether.
		{"/public/NON_IPM_SUBTREE/SCHEDULE+%20FREE%20BUSY/EX:_xF8FF_o=Org/USER-_xF8FF_cn=mary.EML", "/o=Org/cn=mary"},
		{"/public/NON_IPM_SUBTREE/SCHEDULE%2B+FREE+BUSY/EX:_xF8FF_o=Org/USER-_xF8FF_cn=mary.EML", "/o=Org/cn=mary"},
		{"//Public/non%5Fipm_subtree//schedule%2b%20free%20busy/%45X%3A_xF8FF_o%3DOrg///USER-_xF8FF_cn=mary%2EEML/", "/o=Org/cn=mary"},
		// A slash within a name is one of the name.
		{base + "EX:%2Fo=Org%2fou=Sales/USER-%2Fcn=Recipients%2Fcn=mary.EML", "/o=Org/ou=Sales/cn=Recipients/cn=mary"},
	}
	for _, test := range tests {
		p, err := folderpath.Parse(test.path)
		if err != nil || p.DN() != test.dn {
			t.Errorf("%s is of %q, %v", test.path, p.DN(), err)
			continue
		}
		again, err := folderpath.Parse(p.Escaped())
		if err != nil || again != p {
			t.Errorf("%s is written %s, which is %+v, %v", test.path, p.Escaped(), again, err)
		}
		if of, ok := folderpath.OfDN(test.dn); !ok || of != p {
			t.Errorf("the path of %s is %+v, %v", test.dn, of, ok)
		}
		if !folderpath.Below(test.path) {
			t.Errorf("%s is not below", test.path)
		}
	}
}

func TestParseFolders(t *testing.T) {
	tests := []struct {
		path string
		want folderpath.Path
		name string
	}{
		{"/public/NON_IPM_SUBTREE", folderpath.Path{}, "NON_IPM_SUBTREE"},
		{base, folderpath.Path{Folder: true}, "SCHEDULE+ FREE BUSY"},
		{strings.TrimSuffix(base, "/"), folderpath.Path{Folder: true}, "SCHEDULE+ FREE BUSY"},
		{base + "EX:_xF8FF_o=Org_xF8FF_ou=A/", folderpath.Path{Folder: true, Group: "/o=Org/ou=A"}, "EX:/o=Org/ou=A"},
	}
	var above folderpath.Path
	for i, test := range tests {
		p, err := folderpath.Parse(test.path)
		if err != nil || p != test.want || p.Name() != test.name || p.DN() != "" {
			t.Errorf("%s is %+v, %q, %v", test.path, p, p.Name(), err)
		}
		if !strings.HasSuffix(p.Escaped(), "/") {
			t.Errorf("%s has no slash at its end", p.Escaped())
		}
		if i > 0 && above.Holds(p) != (above != p) {
			t.Errorf("does %+v hold %+v?", above, p)
		}
		above = p
	}
}

func TestHolds(t *testing.T) {
	item, _ := folderpath.OfDN("/o=Org/ou=A/cn=Recipients/cn=Mary")
	if !(folderpath.Path{Folder: true, Group: "/O=ORG/OU=a"}).Holds(item) {
		t.Error("case keeps a message from its folder")
	}
	for _, p := range []folderpath.Path{{}, {Folder: true}, {Folder: true, Group: "/o=Org"}, item} {
		if p.Holds(item) {
			t.Errorf("%+v holds %+v", p, item)
		}
	}
	if (folderpath.Path{}).Holds(folderpath.Path{}) {
		t.Error("the root holds itself")
	}
	if got := item.Subject(); got != "USER-/CN=RECIPIENTS/CN=MARY" {
		t.Errorf("the subject is %q", got)
	}
}

func TestEscaped(t *testing.T) {
	p, ok := folderpath.OfDN(`/o=A+B?/ou=Rock & Roll; 100%/CN=Recipients/cn=müller~\`)
	want := base + "EX:_xF8FF_o=A%2BB_x003F__xF8FF_ou=Rock%20&%20Roll%3B%20100%25/USER-_xF8FF_CN=Recipients_xF8FF_cn=m%C3%BCller_x007E__xF8FE_.EML"
	if got := p.Escaped(); !ok || got != want {
		t.Errorf("%s\n%s is expected", got, want)
	}
}

func TestParseRefuses(t *testing.T) {
	paths := []string{
		"", "/", "/public/", "/public/NON_IPM_SUBTREES/", "/exchange/NON_IPM_SUBTREE/", "/public/NON_IPM_SUBTREE/SCHEDULE/",
		"/public%2FNON_IPM_SUBTREE/", "/public/NON_IPM_SUBTREE/../", "/public/./NON_IPM_SUBTREE/",
		base + "EX:", base + "EX:_xF8FF_ou=Org", base + "_xF8FF_o=Org", base + "EX:_xF8FF_o=", base + "EX:_xF8FF_o=A_xF8FF_cn=B/",
		base + "EX:_xF8FF_o=Org/..", base + "EX:_xF8FF_o=Org/mary.EML", base + "EX:_xF8FF_o=Org/USER-_xF8FF_cn=mary",
		base + "EX:_xF8FF_o=Org/USER-_xF8FF_cn=.EML", base + "EX:_xF8FF_o=Org/USER-mary.EML", base + "EX:_xF8FF_o=Org/.EML",
		base + "EX:_xF8FF_o=Org/USER-_xF8FF_cn=mary.EML/more", base + "EX:_xF8FF_o=Org/USER-_xF8FF_cn=ma%00ry.EML",
		base + "EX:_xF8FF_o=Org/USER-_xF8FF_cn=ma%ffry.EML", base + "EX:_xF8FF_o=Org/USER-_xF8FF_cn=ma%zzry.EML",
		base + "EX:_xF8FF_o=Org/USER-_xF8FF_cn=" + strings.Repeat("m", 1024) + ".EML", strings.Repeat("/a", 1<<19),
	}
	for _, path := range paths {
		if p, err := folderpath.Parse(path); !errors.Is(err, folderpath.ErrNotFound) {
			t.Errorf("%.100s is %+v, %v", path, p, err)
		}
	}
	for _, dn := range []string{"", "/o=Org", "/cn=mary", "mary@contoso.com", "/o=Org/cn=", "/o=Org/cn=\x00", "/ou=A/cn=b", "/o=Org/cn=" + strings.Repeat("m", 1024)} {
		if p, ok := folderpath.OfDN(dn); ok {
			t.Errorf("%.100q is a DN: %+v", dn, p)
		}
	}
}

func TestBelow(t *testing.T) {
	for path, want := range map[string]bool{
		"/public/NON_IPM_SUBTREE": true, "//PUBLIC//non_ipm_subtree/x/y/z": true, "/public/NON%5FIPM_SUBTREE/": true,
		"/public/": false, "/public": false, "": false, "/public/x/NON_IPM_SUBTREE": false, "/public/NON_IPM_SUBTREEX/": false,
	} {
		if got := folderpath.Below(path); got != want {
			t.Errorf("%q: %v", path, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(base + "EX:_xF8FF_o=Ximian%20XCS_xF8FF_ou=XCS/USER-_xF8FF_CN=RECIPIENTS_xF8FF_CN=DANW.EML")
	f.Add(base + "ex:%2fo=_x003f_/user-/cn=__xF8FF__x.eml")
	f.Fuzz(func(t *testing.T, path string) {
		p, err := folderpath.Parse(path)
		if err != nil {
			return
		}
		again, err := folderpath.Parse(p.Escaped())
		if err != nil && !strings.Contains(p.DN(), "_") || err == nil && again != p && !strings.Contains(p.DN()+p.Group, "_") {
			t.Fatalf("%q is %+v, written %q and read %+v, %v", path, p, p.Escaped(), again, err)
		}
		if _, err := url.Parse("http://host" + p.Escaped()); err != nil {
			t.Fatal(err)
		}
		if !folderpath.Below(path) {
			t.Fatalf("%q is read, but not below", path)
		}
	})
}

// A legacyExchangeDN that has a path is in it, and no other one.
func FuzzOfDN(f *testing.F) {
	f.Add(`/o=A+B?/ou=Rock & Roll; 100%/CN=Recipients/cn=müller~\`)
	f.Add("/o=Org/ou=A_x007e_/cn=Recipients/cn=_xF8FF_")
	f.Add("/O=/CN=")
	f.Fuzz(func(t *testing.T, dn string) {
		p, ok := folderpath.OfDN(dn)
		if !ok {
			return
		}
		if p.DN() != dn || !p.Folder || p.Group == "" || p.User == "" || !p.Parent().Holds(p) || !(folderpath.Path{Folder: true}).Holds(p.Parent()) {
			t.Fatalf("%q is at %+v", dn, p)
		}
		written := p.Escaped()
		unescaped, err := url.PathUnescape(written)
		if err != nil || !folderpath.Below(written) || strings.ContainsAny(written, " ?#\"<>\\") || strings.Count(written, "/") != 5 {
			t.Fatalf("%q is written %q, %v", dn, written, err)
		}
		again, err := folderpath.Parse(written)
		plain, plainErr := folderpath.ParseUnescaped(unescaped)
		if err != nil != (plainErr != nil) || again != plain {
			t.Fatalf("%q is read as %+v, %v, and unescaped as %+v, %v", written, again, err, plain, plainErr)
		}
		if !strings.Contains(dn, "_") && (err != nil || again != p) {
			t.Fatalf("%+v came back as %+v, %v", p, again, err)
		}
	})
}
