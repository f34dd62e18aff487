package login_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/bcrypt"

	"fbgate/davfb/face"
	"fbgate/davfb/login"
)

// hashed returns a line of an htpasswd file.
func hashed(t testing.TB, name, password string, cost int) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), cost)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s:%s\n", name, hash)
}

func write(t testing.TB, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFile(t *testing.T) {
	folder := t.TempDir()
	joes := hashed(t, "Joe", "secret", 4)
	users := write(t, filepath.Join(folder, "users"), "\ufeff# people\r\n\r\n"+strings.ReplaceAll(joes, "\n", "\r\n")+
		strings.Replace(hashed(t, "mary@contoso.com", "hers", 5), "$2a$", "$2b$", 1)+hashed(t, "müller", "grün", 4))
	groups := write(t, filepath.Join(folder, "groups"), "# groups\nAdmins: joe nobody\nstaff: JOE mary@contoso.com joe\nstaff:müller\n")
	f, err := login.OpenFile(users, groups)
	if err != nil {
		t.Fatal(err)
	}
	f.DefaultDomain = "Contoso.com"
	for _, test := range []struct {
		name, password string
		who            string // name, mailbox and groups
	}{
		{"joe", "secret", "Joe joe@contoso.com [admins staff]"},
		{`CONTOSO\JOE`, "secret", "Joe joe@contoso.com [admins staff]"},
		{"joe@CONTOSO.com", "secret", "Joe joe@contoso.com [admins staff]"},
		{"joe@fabrikam.com", "secret", ""},
		{"joe", "Secret", ""},
		{"joe", "secret\x00secret", ""}, // bcrypt's key goes round
		{"joe", "", ""},
		{"Mary@Contoso.com", "hers", "mary@contoso.com mary@contoso.com [staff]"},
		{"mary@contoso.com", "secret", ""},
		{"MÜLLER", "grün", "müller müller@contoso.com [staff]"},
		{"nobody", "secret", ""},
		{"", "secret", ""},
	} {
		who, ok, err := f.Check(t.Context(), test.name, test.password)
		if err != nil || ok != (test.who != "") || ok && fmt.Sprint(who.Name, " ", who.Mailbox, " ", who.Groups) != test.who {
			t.Errorf("%q %q: %+v %t %v", test.name, test.password, who, ok, err)
		}
	}
	if _, ok, err := f.Check(t.Context(), "joe", strings.Repeat("s", 73)); ok || statusOf(t, err) != 401 || !strings.Contains(err.Error(), "72 bytes") {
		t.Errorf("%t %v", ok, err)
	}
	if who, ok, err := f.Find(t.Context(), "JOE"); !ok || err != nil || who.Name != "Joe" || len(who.Groups) != 2 {
		t.Errorf("%+v %t %v", who, ok, err)
	}
	if _, ok, err := f.Find(t.Context(), "nobody"); ok || err != nil {
		t.Errorf("%t %v", ok, err)
	}
}

// The file that Apache's own program makes.
func TestHtpasswd(t *testing.T) {
	if _, err := exec.LookPath("htpasswd"); err != nil {
		t.Skip("htpasswd is not installed: apt-get install apache2-utils")
	}
	path := filepath.Join(t.TempDir(), "users")
	run := func(password string, args ...string) {
		t.Helper()
		command := exec.Command("htpasswd", args...)
		command.Stdin = strings.NewReader(password)
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("htpasswd %v: %v %s", args, err, out)
		}
	}
	run("secret", "-iBc", path, "joe")
	run("grün", "-iB", "-C", "6", path, "mary@contoso.com")
	f, err := login.OpenFile(path, "")
	if err != nil {
		t.Fatal(err)
	}
	for name, password := range map[string]string{"joe": "secret", "mary@contoso.com": "grün"} {
		if _, ok, err := f.Check(t.Context(), name, password); !ok || err != nil {
			t.Errorf("%s: %t %v", name, ok, err)
		}
		if _, ok, err := f.Check(t.Context(), name, password+"x"); ok || err != nil {
			t.Errorf("%s: %t %v", name, ok, err)
		}
	}
	for flag, kind := range map[string]string{"-m": "MD5", "-s": "SHA-1", "-d": "plain text or crypt", "-p": "plain text or crypt", "-2": "SHA-crypt", "-5": "SHA-crypt"} {
		run("hidden", "-i"+flag[1:], path, "jim")
		_, err := login.OpenFile(path, "")
		if err == nil || !strings.Contains(err.Error(), kind) || !strings.Contains(err.Error(), `line 3: the password is`) || !strings.Contains(err.Error(), "htpasswd -B") || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s: %v", flag, err)
		}
	}
}

func TestFaultsOfFiles(t *testing.T) {
	good := hashed(t, "joe", "secret", 4)
	for _, test := range []struct{ users, groups, want string }{
		{"joe", "", "users: line 1: an account is a name"},
		{":" + good, "", "users: line 1: an account is a name"},
		{"joe:secret", "", `users: line 1: the password is plain text or crypt, and not bcrypt: set it anew with htpasswd -B`},
		{"joe:$2x" + good[7:], "", "is bcrypt of a faulty version"},
		{good[:50], "", "is bcrypt cut short or changed"},
		{"joe:$2y$10$" + strings.Repeat("!", 53), "", "is bcrypt cut short or changed"},
		{"joe:$2y$15$" + strings.Repeat("a", 53), "", `has a bcrypt cost of "15", where 4 to 14 is taken`},
		{"joe:$2y$03$" + strings.Repeat("a", 53), "", `has a bcrypt cost of "03"`},
		{"joe:$2y$xx$" + strings.Repeat("a", 53), "", `has a bcrypt cost of "xx"`},
		{good + "JOE" + good[3:], "", `line 2: the name is in line 1 already`},
		{"joe\xfc:x", "", "users is not UTF-8"},
		{"j\x00o\x00e\x00", "", "users is not UTF-8"},
		{strings.Repeat("\n", 50_001), "", "users has more than 50000 lines"},
		{good, "admins joe", "groups: line 1: a group is a name"},
		{good, "\n: joe", "groups: line 2: a group is a name"},
	} {
		_, err := login.ParseFiles(test.users, test.groups)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%.60q %.60q: %v, want %s", test.users, test.groups, err, test.want)
		}
	}
	_, err := login.ParseFiles(strings.Repeat("x\n", 100), "")
	if n := strings.Count(err.Error(), "\n") + 1; n != 20 {
		t.Errorf("%d faults", n)
	}
	folder := t.TempDir()
	users := write(t, filepath.Join(folder, "users"), good)
	if _, err := login.OpenFile(users, filepath.Join(folder, "not")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	if _, err := login.OpenFile(write(t, users, strings.Repeat("#", login.MaxFile+1)), ""); err == nil || !strings.Contains(err.Error(), "longer than 4 MiB") {
		t.Error(err)
	}
}

// Time is that of the bubble; files are changed in different lengths, so that it does
// not matter what time they bear.
func TestFileIsReadAgain(t *testing.T) {
	folder := t.TempDir()
	one, two := hashed(t, "joe", "one", 4), hashed(t, "joe", "two", 4)
	users, groups := write(t, filepath.Join(folder, "users"), one), write(t, filepath.Join(folder, "groups"), "a: joe\n")
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		f, err := login.OpenFile(users, groups)
		if err != nil {
			t.Fatal(err)
		}
		f.Log = slog.New(slog.NewTextHandler(&log, nil))
		expect := func(when, password, groups, logged string) {
			t.Helper()
			time.Sleep(2 * time.Second)
			log.Reset()
			for range 3 {
				who, ok, err := f.Check(t.Context(), "joe", password)
				if !ok || err != nil || fmt.Sprint(who.Groups) != groups {
					t.Errorf("%s: %+v %t %v", when, who, ok, err)
				}
				time.Sleep(2 * time.Second)
			}
			if n := strings.Count(log.String(), "\n"); n > 1 || logged == "" && n > 0 || !strings.Contains(log.String(), logged) {
				t.Errorf("%s: the log is %q, want one line %q", when, &log, logged)
			}
		}
		expect("at first", "one", "[a]", "")
		write(t, users, two+"\n")
		expect("another password", "two", "[a]", "accounts read")
		write(t, users, one+"jim:plain\n")
		expect("a fault", "two", "[a]", `line 2: the password is`)
		os.Remove(users)
		expect("no file", "two", "[a]", "no such file")
		write(t, users, one+"\n\n")
		expect("mended", "one", "[a]", "accounts read")
		write(t, groups, "b: joe\nc: joe\n")
		expect("other groups", "one", "[b c]", "accounts read")
		write(t, users, "")
		time.Sleep(2 * time.Second)
		if _, ok, err := f.Check(t.Context(), "joe", "one"); ok || err != nil {
			t.Errorf("of an empty file: %t %v", ok, err)
		}
	})
}

// Whatever cost an account has, a check that finds nothing out really takes its time.
func TestNobodyTakesTime(t *testing.T) {
	for cost := 4; cost <= 6; cost++ {
		if !login.Spent(cost, "secret") {
			t.Errorf("not at cost %d", cost)
		}
	}
}

// No more than half of the processors are at bcrypt at once, and not many wait.
func TestTurns(t *testing.T) {
	f, err := login.OpenFile(write(t, filepath.Join(t.TempDir(), "users"), hashed(t, "joe", "secret", 5)), "")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	var busy, ok atomic.Int32
	for range 200 {
		all.Go(func() {
			_, right, err := f.Check(t.Context(), "joe", "secret")
			var refusal *face.Refusal
			switch {
			case right:
				ok.Add(1)
			case errors.As(err, &refusal) && refusal.Status == 503 && refusal.RetryAfter > 0:
				busy.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	all.Wait()
	if ok.Load() < int32(max(1, runtime.GOMAXPROCS(0)/2)) || busy.Load() == 0 {
		t.Errorf("%d were checked, %d were turned away", ok.Load(), busy.Load())
	}
}

func FuzzFiles(f *testing.F) {
	f.Add(hashed(f, "joe", "secret", 4)+"# x\n", "admins: joe\n")
	f.Add("joe:{SHA}x\n", ":")
	f.Add("\ufeffa:$2y$99$", "a:b:c d\x00")
	f.Fuzz(func(t *testing.T, users, groups string) {
		accounts, err := login.ParseFiles(users, groups) // the hashes are bcrypt's
		again, err2 := login.ParseFiles(users, groups)
		if (err == nil) != (err2 == nil) || !maps.EqualFunc(accounts, again, func(a, b []string) bool { return reflect.DeepEqual(a, b) }) {
			t.Errorf("%v %v, %v %v", accounts, err, again, err2)
		}
		if err != nil && len(err.Error()) > 20*400+len(users)+len(groups) {
			t.Errorf("%d bytes of faults", len(err.Error()))
		}
	})
}
