package login_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fbgate/davfb/login"
)

// aliases are accounts that have several names each, as in a directory.
type aliases struct {
	*directory
	keys    map[string]string
	unknown error
}

func (a aliases) Canonical(_ context.Context, name string) (key string, ok bool, err error) {
	if a.unknown != nil {
		return "", false, a.unknown
	}
	key, ok = a.keys[strings.ToLower(name)]
	return key, ok, nil
}

// An account has one number of tries, not one for each of its names.
func TestFailuresAreCountedByAccount(t *testing.T) {
	const boss = "cn=boss,dc=contoso"
	d := aliases{newDirectory("boss:secret"), map[string]string{
		"boss": boss, "chief": boss, `x\boss`: boss, "the.boss@contoso.com": boss, "ceo@contoso.com": boss, "boſs": boss, "joe": "cn=joe,dc=contoso",
	}, nil}
	p := &login.Passwords{Accounts: login.Chain{login.Static{}, d}, Log: quiet()}
	tried := 0
	for name := range d.keys {
		for range 7 {
			if name == "joe" {
				continue
			}
			if _, err := p.Check(from(fmt.Sprintf("192.0.2.%d", tried)), name, "wrong"); err == nil {
				t.Fatal("let in")
			}
			tried++
		}
	}
	if n := d.asked(""); n != 5 {
		t.Errorf("%d of %d passwords were tried, want 5", n, tried)
	}
	if _, err := p.Check(from("198.51.100.1"), "joe", "wrong"); statusOf(t, err) != 401 {
		t.Errorf("another account: %v", err)
	}
	for _, name := range []string{"nobody", "NOBODY", `X\nobody`, "nobody@contoso.com", "nobody", "nobody"} {
		_, _ = p.Check(from("198.51.100.2"), name, "wrong")
	}
	if n := d.asked(""); n != 5+1+5 {
		t.Errorf("%d tries, of a name nobody knows there may be five", n)
	}
}

// A password that could not be counted is not tried; one in a file is all the same.
func TestNoTriesUncounted(t *testing.T) {
	d := aliases{newDirectory("boss:secret"), nil, errors.New("the directory is down")}
	file := login.Static{{Username: "sync", Password: func() (string, error) { return "hunter2", nil }}}
	p := &login.Passwords{Accounts: login.Chain{d, file}, Log: quiet()}
	for range 10 {
		if _, err := p.Check(from("192.0.2.1"), "boss", "secret"); statusOf(t, err) != 503 {
			t.Errorf("%v", err)
		}
	}
	if n := d.asked(""); n != 0 {
		t.Errorf("%d tries", n)
	}
	if who, err := p.Check(from("192.0.2.1"), `CONTOSO\sync`, "hunter2"); err != nil || who.Name != "sync" {
		t.Errorf("%+v, %v", who, err)
	}
}

// Of the gateway's own accounts, too, every spelling is one.
func TestOwnAccountsHaveOneKey(t *testing.T) {
	f := openUsers(t)
	f.DefaultDomain = "contoso.com"
	own := login.Static{{Username: "Boss", Password: func() (string, error) { return "x", nil }}}
	for _, name := range []string{"joe", "JOE", `X\joe`, "joe@contoso.com"} {
		if key, ok, err := f.Canonical(t.Context(), name); key != "joe" || !ok || err != nil {
			t.Errorf("%s: %q, %t, %v", name, key, ok, err)
		}
	}
	for _, name := range []string{"boss", "BOSS", "boſs", `X\boss`} {
		if key, ok, err := own.Canonical(t.Context(), name); key != "boss" || !ok || err != nil {
			t.Errorf("%s: %q, %t, %v", name, key, ok, err)
		}
	}
}

// A name that something else has proven is not that of another Windows domain's user.
func TestForeignNamesStandAlone(t *testing.T) {
	f := openUsers(t)
	f.Domains = []string{"CONTOSO"}
	own := login.Static{{Username: "sync", Password: func() (string, error) { return "x", nil }}}
	for name, groups := range map[string]int{`contoso\joe`: 1, "joe": 1, `EVIL\joe`: 0, `EVIL\CONTOSO\joe`: 0, `\joe`: 0, `EVIL\joe@contoso.com`: 0, `EVIL\sync`: 0} {
		who, err := login.Resolve(t.Context(), login.Chain{f, own}, name)
		if err != nil || len(who.Groups) != groups || groups == 0 && (who.Name != name || who.Mailbox != "") {
			t.Errorf("%s: %+v, %v", name, who, err)
		}
	}
	if _, ok, err := f.Check(t.Context(), `EVIL\joe`, "secret"); !ok || err != nil {
		t.Errorf("with a password: %t, %v", ok, err)
	}
}

func openUsers(t *testing.T) *login.File {
	t.Helper()
	folder := t.TempDir()
	users, groups := filepath.Join(folder, "users"), filepath.Join(folder, "groups")
	for file, text := range map[string]string{users: "joe:$2a$04$Sfjpq0jOFY9WgRrT5aT./uOnqAB6PctFJTdkPMQb9Y/2b6pzUp7iu\n", groups: "board: joe\n"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f, err := login.OpenFile(users, groups)
	if err != nil {
		t.Fatal(err)
	}
	return f
}
