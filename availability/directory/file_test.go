package directory_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fbgate/availability"
	"fbgate/availability/directory"
)

// write puts a file into a folder of the test's own.
func write(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func open(t testing.TB, name, content string) *directory.File {
	t.Helper()
	f, err := directory.OpenFile(write(t, name, content))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// sketch writes an entry in one line.
func sketch(e *directory.Entry) string {
	if e == nil {
		return "unknown"
	}
	s := fmt.Sprintf("%s primary %s legacy %s name %q", e.Mailbox, e.Primary, e.LegacyDN, e.Name)
	if e.Members != nil {
		s += fmt.Sprintf(" members %v", e.Members)
	}
	if e.Missing != nil {
		s += fmt.Sprintf(" missing %q", e.Missing)
	}
	if e.TooMany > 0 {
		s += fmt.Sprintf(" too many: %d", e.TooMany)
	}
	return s
}

func find(t testing.TB, d directory.Directory, m availability.Mailbox) string {
	t.Helper()
	found, err := d.Find(context.Background(), []availability.Mailbox{m})
	if err != nil {
		t.Fatalf("%s: %v", m, err)
	}
	return sketch(found[m])
}

const external = "/o=contoso/ou=external (fydibohf25spdlt)/cn=recipients/cn="

// What the Exchange shell exports, byte order mark and all.
const shell = "\ufeff#TYPE Selected.Microsoft.Exchange.Data.Directory.Management.ReducedRecipient\r\n" +
	`"PrimarySmtpAddress","ExternalEmailAddress","LegacyExchangeDN","EmailAddresses","DisplayName","Members","Unread"` + "\r\n" +
	`"Joe@contoso.com","","/o=Contoso/ou=External (FYDIBOHF25SPDLT)/cn=Recipients/cn=Joe","SMTP:Joe@contoso.com smtp:J.Doe@contoso.com X500:/o=Old Org/ou=Site, One/cn=Recipients/cn=JDoe x400:C=US;A= ;P=Contoso;O=Site;S=Doe; SIP:joe@contoso.com","Doe, ""Joe""","","x"` + "\r\n" +
	`"ann@contoso.com","SMTP:Ann@fabrikam.com","/o=Contoso/ou=External (FYDIBOHF25SPDLT)/cn=Recipients/cn=ann","SMTP:ann@contoso.com;smtp:ann@contoso.mail.example","Ann","",""` + "\r\n" +
	`"all@contoso.com","","","SMTP:all@contoso.com, smtp:everybody@contoso.com","All","joe@contoso.com;EX:/o=Contoso/cn=Ann;smtp:some@contoso.com",""` + "\r\n"

func TestCSV(t *testing.T) {
	semicolons := "mail;targetAddress;legacyExchangeDN;proxyAddresses;displayName\n" +
		"joe@contoso.com;;/o=contoso/cn=joe;\"SMTP:joe@contoso.com;smtp:j@contoso.com\";Joe\n"
	tabs := "MAIL\tproxyaddresses\n\tSMTP:joe@contoso.com j@contoso.com,x500:/o=contoso/cn=joe\n"
	joe := `joe@contoso.com primary joe@contoso.com legacy ` + external + `joe name "Doe, \"Joe\""`
	for _, test := range []struct{ file, ask, want string }{
		{shell, "joe@contoso.com", joe},
		{shell, "j.doe@contoso.com", joe},
		{shell, external + "joe", joe},
		{shell, "/o=old org/ou=site, one/cn=recipients/cn=jdoe", joe},
		{shell, "Joe@contoso.com", "unknown"}, // a Mailbox is in lower case
		{shell, "joe@contoso", "unknown"},
		{shell, "", "unknown"},
		{shell, "ann@contoso.mail.example", `ann@fabrikam.com primary ann@contoso.com legacy ` + external + `ann name "Ann"`},
		{shell, "ann@fabrikam.com", "unknown"},
		{shell, "everybody@contoso.com", `all@contoso.com primary all@contoso.com legacy  name "All" members [joe@contoso.com /o=contoso/cn=ann some@contoso.com]`},
		{semicolons, "j@contoso.com", `joe@contoso.com primary joe@contoso.com legacy /o=contoso/cn=joe name "Joe"`},
		{tabs, "j@contoso.com", `joe@contoso.com primary joe@contoso.com legacy  name ""`},
		{tabs, "/o=contoso/cn=joe", `joe@contoso.com primary joe@contoso.com legacy  name ""`},
	} {
		if got := find(t, open(t, "directory.csv", test.file), availability.Mailbox(test.ask)); got != test.want {
			t.Errorf("%s:\n%s\nwant\n%s", test.ask, got, test.want)
		}
	}
}

const ldapsearch = `# extended LDIF
#
# LDAPv3
version: 1

# joe, contoso.com
dn: CN=Joe\, Doe,OU=People,DC=contoso,DC=com
changetype: add
objectClass: top
objectClass: user
cn: Joe, Doe
mail: Joe@contoso.com
proxyAddresses: SMTP:Joe@contoso.com
proxyAddresses: X500:/o=Contoso/ou=External (FYDIBOHF25SPDLT)/cn=Recip
 ients/cn=Joe
proxyAddresses: X400:C=US;A= ;
legacyExchangeDN: /o=Contoso/cn=Joe
displayName:: SsO2w6sgRG/DqQ==
thumbnailPhoto:: PHOTO
objectGUID:: /////w==

dn:: Q049QW5uLE9VPVBlb3BsZSxEQz1jb250b3NvLERDPWNvbQ==
objectClass: contact
mail: ann@contoso.com
targetAddress: SMTP:Ann@fabrikam.com

dn: CN=Nomail,OU=People,DC=contoso,DC=com
objectClass: user

dn: CN=All,DC=contoso,DC=com
objectClass: group
mail: all@contoso.com
member: cn=joe\, doe, ou=People, dc=contoso, dc=com
member: CN=Ann,OU=People,DC=contoso,DC=com
member: CN=Nomail,OU=People,DC=contoso,DC=com
member: CN=Some,DC=contoso,DC=com
member: CN=Elsewhere,DC=fabrikam,DC=com

dn: CN=Some,DC=contoso,DC=com
objectClass: group
mail: some@contoso.com

dn: CN=Huge,DC=contoso,DC=com
objectClass: group
mail: huge@contoso.com
member;range=0-0: CN=Ann,OU=People,DC=contoso,DC=com

# search result
search: 2
result: 0 Success

# numResponses: 7
`

func TestLDIF(t *testing.T) {
	joe := `joe@contoso.com primary joe@contoso.com legacy /o=contoso/cn=joe name "Jöë Doé"`
	for _, file := range []string{
		strings.Replace(ldapsearch, "PHOTO", strings.Repeat("AAAA", 10), 1),
		strings.ReplaceAll(strings.Replace(ldapsearch, "PHOTO", strings.Repeat("AAAA", 50_000), 1), "\n", "\r\n"),
		"\ufeff" + strings.Replace(ldapsearch, "PHOTO", strings.Repeat("AAAA\n ", 50_000), 1),
	} {
		f := open(t, "directory.LDIF", file)
		for ask, want := range map[availability.Mailbox]string{
			"joe@contoso.com":      joe,
			"/o=contoso/cn=joe":    joe,
			external + "joe":       joe,
			"ann@contoso.com":      `ann@fabrikam.com primary ann@contoso.com legacy  name ""`,
			"all@contoso.com":      `all@contoso.com primary all@contoso.com legacy  name "" members [joe@contoso.com ann@contoso.com some@contoso.com] missing ["CN=Elsewhere,DC=fabrikam,DC=com"]`,
			"some@contoso.com":     `some@contoso.com primary some@contoso.com legacy  name "" members []`,
			"huge@contoso.com":     `huge@contoso.com primary huge@contoso.com legacy  name "" members [] too many: 1`,
			"everyone@contoso.com": "unknown",
		} {
			if got := find(t, f, ask); got != want {
				t.Errorf("%s:\n%s\nwant\n%s", ask, got, want)
			}
		}
		if f.Len() != 6 {
			t.Errorf("%d recipients", f.Len())
		}
	}
}

func TestListLongerThanTheDirectoryReads(t *testing.T) {
	f := open(t, "directory.csv", "mail,members\nall@contoso.com,a@contoso.com;b@contoso.com;c@contoso.com\n")
	f.MaxListMembers = 2
	if got, want := find(t, f, "all@contoso.com"), `all@contoso.com primary all@contoso.com legacy  name "" members [] too many: 3`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestFaults(t *testing.T) {
	ldifEntry := func(lines ...string) string {
		return "dn: cn=a\nmail: a@x.example\n\ndn: cn=b\n" + strings.Join(lines, "\n") + "\n"
	}
	var many strings.Builder
	many.WriteString("mail\n")
	for i := range 30 {
		fmt.Fprintf(&many, "a%d\n", i)
	}
	for _, test := range []struct{ name, content, want string }{
		{"d.txt", "mail\n", "d.txt: the name of a directory file has to end in .csv or .ldif, which says what is in it"},
		{"d.csv", "", "d.csv: the file is empty: it begins with a line of column names, such as PrimarySmtpAddress,LegacyExchangeDN"},
		{"d.csv", "#TYPE x", "d.csv:1: there is nothing after the line #TYPE"},
		{"d.csv", "mail\n", "d.csv: there are no entries in the file"},
		{"d.csv", "joe@contoso.com,/o=contoso/cn=joe\n", "d.csv:1: there is no column PrimarySmtpAddress and no column EmailAddresses: the first line has to name the columns"},
		{"d.csv", "mail,PrimarySmtpAddress\n", `d.csv:1: columns "mail" and "PrimarySmtpAddress" hold the same`},
		{"d.csv", "\xff\xfem\x00", "d.csv: the file is UTF-16: write it as UTF-8 (Export-Csv -Encoding UTF8, ldifde without -u)"},
		{"d.csv", "m\x00a\x00", "d.csv: the file is UTF-16: write it as UTF-8 (Export-Csv -Encoding UTF8, ldifde without -u)"},
		{"d.csv", "mail,displayname\na@x.example,J\xf6rg\n", `d.csv:2: "J\xf6rg" is not UTF-8: write the file with Export-Csv -Encoding UTF8`},
		{"d.csv", "#TYPE x\nmail,legacyexchangedn\na,b\n\nc@x.example\n", "d.csv:3: not an SMTP address: expected user@domain\nd.csv:3: the legacyExchangeDN does not begin with /\nd.csv:5: 1 columns instead of 2"},
		{"d.csv", "mail,displayname\n,Joe\n", "d.csv:2: there is no SMTP address"},
		{"d.csv", "mail,emailaddresses\na@x.example,Microsoft.Exchange.Data.ProxyAddressCollection\n",
			`d.csv:2: "Microsoft.Exchange.Data.ProxyAddressCollection" is the name of a type: join the values with @{n='EmailAddresses';e={$_.EmailAddresses -join ';'}}`},
		{"d.csv", "mail,externalemailaddress\na@x.example,smtp:nowhere\n", `d.csv:2: not an SMTP address: expected user@domain`},
		{"d.csv", "mail,members\na@x.example,contoso.com/Users/Joe\n", `d.csv:2: member: not an SMTP address: expected user@domain`},
		{"d.csv", "mail\na\"b@x.example\nb@x.example\n", `d.csv:2: column 2: bare " in non-quoted-field`},
		{"d.csv", "mail,proxyaddresses\na@x.example,smtp:b@x.example\nc@x.example,\nC@x.example,smtp:B@x.example\n",
			"d.csv:4: b@x.example is an address of line 2, too\nd.csv:4: c@x.example is an address of line 3, too"},
		{"d.csv", many.String(), ""},
		{"d.ldif", "", "d.ldif: there are no entries in the file"},
		{"d.ldif", "version: 2\n\n" + ldifEntry(), `d.ldif:1: LDIF of version "2" is not known`},
		{"d.ldif", ldifEntry("mail: b"), `d.ldif:5: not an SMTP address: expected user@domain`},
		{"d.ldif", ldifEntry("mail:: b"), `d.ldif:5: "b" is not base64: illegal base64 data at input byte 0`},
		{"d.ldif", ldifEntry("mail:: /w=="), `d.ldif:5: "\xff" is not UTF-8`},
		{"d.ldif", ldifEntry("mail:< file:///etc/passwd"), "d.ldif:5: values in other files (attribute:< URL) are not read"},
		{"d.ldif", ldifEntry("cn", "mail: A@x.example"), "d.ldif:4: a@x.example is an address of line 1, too\nd.ldif:5: \"cn\" is not attribute: value"},
		{"d.ldif", ldifEntry("dn: cn=c"), "d.ldif:5: an empty line has to stand before the next entry"},
		{"d.ldif", ldifEntry("changetype: modify"), `d.ldif:5: changetype "modify": the file has to hold entries, not changes`},
		{"d.ldif", ldifEntry("", "dn: CN=A"), "d.ldif:6: cn=a is the dn of line 1, too"},
		{"d.ldif", ldifEntry("", "mail: c@x.example"), `d.ldif:6: an entry begins with dn:, not "mail"`},
		{"d.ldif", ldifEntry("", "search: 2", "result: 4 Size limit exceeded"), `d.ldif:7: the export is not complete: result "4 Size limit exceeded"`},
		{"d.ldif", ldifEntry("mail: " + strings.Repeat("b", 100_000)), "d.ldif:5: the line is longer than 64 KiB"},
	} {
		path := write(t, test.name, test.content)
		_, err := directory.OpenFile(path)
		if err == nil {
			t.Errorf("%q is taken for a directory", test.content)
			continue
		}
		got := strings.ReplaceAll(err.Error(), filepath.Dir(path)+string(filepath.Separator), "")
		if test.want == "" { // too many to write down
			lines := strings.Split(got, "\n")
			if len(lines) != 21 || lines[19] != `d.csv:21: not an SMTP address: expected user@domain` || lines[20] != "… and perhaps more" {
				t.Errorf("%d lines: %s", len(lines), got)
			}
			continue
		}
		if got != test.want {
			t.Errorf("%.200q:\n%s\nwant\n%s", test.content, got, test.want)
		}
	}
	if _, err := directory.OpenFile(filepath.Join(t.TempDir(), "none.csv")); !os.IsNotExist(err) {
		t.Errorf("a file that is not there: %v", err)
	}
}

// A file larger than allowed is refused, whatever is in it. It has no blocks on disk.
func TestTooLarge(t *testing.T) {
	path := write(t, "d.ldif", "# ")
	if err := os.Truncate(path, 256<<20+1); err != nil {
		t.Fatal(err)
	}
	if _, err := directory.OpenFile(path); err == nil || !strings.Contains(err.Error(), "larger than 256 MiB") {
		t.Errorf("it is read: %v", err)
	}
}

// A file that changes is read again a second later at most; one that became bad leaves
// what there was, and is complained of once.
func TestReadsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		path := write(t, "d.csv", "mail\njoe@contoso.com\n")
		f, err := directory.OpenFile(path)
		if err != nil {
			t.Fatal(err)
		}
		f.Log = slog.New(slog.NewTextHandler(&log, nil))
		round := 0
		change := func(content string) {
			t.Helper()
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			round++ // the clock of the file system may be too coarse to tell
			changed := time.Now().Add(time.Duration(round) * time.Hour)
			if err := os.Chtimes(path, changed, changed); err != nil {
				t.Fatal(err)
			}
		}
		expect := func(ask availability.Mailbox, known bool) {
			t.Helper()
			if got := find(t, f, ask); (got != "unknown") != known {
				t.Errorf("%s is %s", ask, got)
			}
		}
		expect("joe@contoso.com", true)
		change("mail\nann@contoso.com\n")
		time.Sleep(900 * time.Millisecond)
		expect("ann@contoso.com", false)
		time.Sleep(100 * time.Millisecond)
		expect("ann@contoso.com", true)
		expect("joe@contoso.com", false)

		change("mail\nann\n")
		for range 3 {
			time.Sleep(time.Second)
			expect("ann@contoso.com", true)
		}
		if got := strings.Count(log.String(), "level=WARN"); got != 1 || !strings.Contains(log.String(), `d.csv:2: not an SMTP address`) {
			t.Errorf("%d warnings: %s", got, log.String())
		}
		os.Remove(path)
		for range 3 {
			time.Sleep(time.Second)
			expect("ann@contoso.com", true)
		}
		if got := strings.Count(log.String(), "level=WARN"); got != 2 {
			t.Errorf("%d warnings: %s", got, log.String())
		}
		change("mail\njoe@contoso.com\n")
		time.Sleep(time.Second)
		expect("joe@contoso.com", true)
	})
}

func TestFileServesMany(t *testing.T) {
	f := open(t, "directory.csv", shell)
	s := &directory.Source{Directory: f, Next: &next{}}
	answers := s.Lookup(t.Context(), about("j.doe@contoso.com", external+"ann"))
	if got := []string{state(answers[0]), state(answers[1])}; !slices.Equal(got, []string{"known", "known"}) {
		t.Errorf("%v", got)
	}
}

func FuzzCSV(f *testing.F) {
	f.Add(shell)
	f.Add("mail;proxyaddresses;members\na@x.example;smtp:b@x.example;c@x.example\n")
	f.Fuzz(func(t *testing.T, content string) { directory.Parse("d.csv", strings.NewReader(content)) })
}

func FuzzLDIF(f *testing.F) {
	f.Add(ldapsearch)
	f.Add("dn: cn=a\nmail: a@x.example\nmember: cn=a\n\ndn:: Y249Yg==\n")
	f.Fuzz(func(t *testing.T, content string) { directory.Parse("d.ldif", strings.NewReader(content)) })
}

// hundredThousand is a file of as many recipients with three addresses each.
func hundredThousand() string {
	var b strings.Builder
	b.WriteString("PrimarySmtpAddress,LegacyExchangeDN,EmailAddresses,DisplayName\n")
	for i := range 100_000 {
		fmt.Fprintf(&b, "user%d@contoso.com,%suser%d,SMTP:user%d@contoso.com smtp:u%d@contoso.com,User %d\n", i, external, i, i, i, i)
	}
	return b.String()
}

func BenchmarkFileFind(b *testing.B) {
	f := open(b, "d.csv", hundredThousand())
	ask := make([]availability.Mailbox, 1000)
	for i := range ask {
		ask[i] = availability.Mailbox(fmt.Sprintf("u%d@contoso.com", i*97))
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i++
		f.Find(context.Background(), ask[i%len(ask):][:1])
	}
}

func BenchmarkOpenFile(b *testing.B) {
	path := write(b, "d.csv", hundredThousand())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := directory.OpenFile(path); err != nil {
			b.Fatal(err)
		}
	}
}
