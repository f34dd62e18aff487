package config_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"fbgate/cmd/fbgate/config"
)

var update = flag.Bool("update", false, "rewrite the golden files and the key reference")

// golden compares got with a file, or writes it there.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", path, got, want)
	}
}

func files(t testing.TB, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files %s: %v", pattern, err)
	}
	return paths
}

func content(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestBadFiles(t *testing.T) {
	for _, path := range files(t, "testdata/bad/*.yaml") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			c, err := config.Parse("fbgate.yaml", content(t, path))
			var faults config.Faults
			if c != nil || !errors.As(err, &faults) {
				t.Fatalf("got %v, %v; want Faults alone", c, err)
			}
			if strings.Contains(err.Error(), "hunter") {
				t.Errorf("the password is in the message: %v", err)
			}
			golden(t, strings.TrimSuffix(path, ".yaml")+".golden", err.Error()+"\n")
		})
	}
}

func TestGoodFiles(t *testing.T) {
	for _, path := range files(t, "testdata/good/*.yaml") {
		if _, err := config.Parse(path, content(t, path)); err != nil {
			t.Errorf("%s:\n%v", path, err)
		}
	}
}

// A slip in any key is the one fault of a file that has no other.
func TestSlipsAreTheOnlyFault(t *testing.T) {
	key := regexp.MustCompile(`(?:^|[\n{,-])\s*([a-z_0-9]{3,}):(?:\s|$)`)
	tried := 0
	for _, path := range append(files(t, "testdata/good/*.yaml"), example) {
		text := string(content(t, path))
		for _, at := range key.FindAllStringSubmatchIndex(text, -1) {
			end := at[3]
			if strings.Contains(text[strings.LastIndexByte(text[:end], '\n')+1:end], "#") {
				continue // a comment
			}
			word := text[at[2]:end]
			tried++
			_, err := config.Parse("fbgate.yaml", []byte(text[:end]+word[len(word)-1:]+text[end:]))
			var faults config.Faults
			if !errors.As(err, &faults) || len(faults) != 1 || faults[0].Problem != "unknown key" || faults[0].Instead != "did you mean "+word+"?" {
				t.Errorf("%s, %s: got %v, want that a key is unknown, and nothing else", path, word, err)
			}
		}
	}
	if tried < 150 {
		t.Errorf("only %d keys were tried", tried)
	}
}

func TestDefaults(t *testing.T) {
	c, err := config.Load("testdata/good/smallest.yaml")
	if err != nil {
		t.Fatal(err)
	}
	minute := config.Duration(time.Minute)
	for _, check := range []struct {
		key       string
		got, want any
	}{
		{"listen", c.Listen, "127.0.0.1:8080"},
		{"answer_timeout", c.AnswerTimeout, minute / 6},
		{"log.format", c.Log.Format, "text"},
		{"log.level", c.Log.Level.String(), "INFO"},
		{"admin.listen", c.Admin.Listen, "127.0.0.1:8081"},
		{"cache.ttl", c.Cache.TTL, 15 * minute},
		{"limits.url_bytes", c.Limits.URLBytes, config.Size(65536)},
		{"limits.window", c.Limits.Window, 400 * 24 * 60 * minute},
		{"access_method", c.Organizations[0].AccessMethod, "OrgWideFB"},
		{"max_window", c.Organizations[0].MaxWindow, 42 * 24 * 60 * minute},
		{"prefetch", c.Organizations[0].Prefetch, config.Prefetch(14 * 24 * time.Hour)},
		{"max_response_bytes", c.Organizations[0].MaxResponseBytes, config.Size(16 << 20)},
		{"credential", c.Organizations[0].Credential, []config.Credential(nil)},
	} {
		if !reflect.DeepEqual(check.got, check.want) {
			t.Errorf("%s: got %v, want %v", check.key, check.got, check.want)
		}
	}
}

func TestValues(t *testing.T) {
	c, err := config.Load("testdata/good/bounds.yaml")
	if err != nil {
		t.Fatal(err)
	}
	fabrikam, contoso := c.Organizations[0], c.Organizations[1]
	if want := []string{"fabrikam.com", "*.fabrikam.com"}; !reflect.DeepEqual(fabrikam.Domains, want) {
		t.Errorf("got domains %q, want %q in lower case", fabrikam.Domains, want)
	}
	if want := (config.Credential{Type: "basic", Username: `FABRIKAM\svc-freebusy`, PasswordEnv: "FABRIKAM_PASSWORD", Krb5Config: "/etc/krb5.conf"}); len(fabrikam.Credential) != 1 || !reflect.DeepEqual(fabrikam.Credential[0], want) {
		t.Errorf("got %+v, want %+v", fabrikam.Credential, want)
	}
	if fabrikam.Prefetch != config.PrefetchOff || contoso.Prefetch != 0 {
		t.Errorf("got prefetch %v and %v, want off and 0s", fabrikam.Prefetch, contoso.Prefetch)
	}
	if contoso.Name != "2003.contoso" || !contoso.InsecureHTTP {
		t.Errorf("got %+v", contoso)
	}
	if want := filepath.Join("testdata", "good", "token"); c.Admin.TokenFile != want {
		t.Errorf("got token file %s, want %s", c.Admin.TokenFile, want)
	}
}

func TestLoadWithoutFile(t *testing.T) {
	_, err := config.Load(filepath.Join(t.TempDir(), "fbgate.yaml"))
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want that the file does not exist", err)
	}
}

func TestTooLarge(t *testing.T) {
	huge := strings.Repeat("# all work and no play\n", 1<<18)
	for name, text := range map[string]string{
		"bytes":    huge,
		"words":    strings.Repeat("- a\n", 110_000),
		"keys":     strings.Repeat("a: 1\n", 20_000),
		"brackets": strings.Repeat("[", 150_000),
		"dashes":   strings.Repeat("- ", 150_000),
		"indents":  "a:\n" + strings.Repeat(" ", 1000) + "b: 1",
	} {
		_, err := config.Parse("fbgate.yaml", []byte(text))
		var faults config.Faults
		if !errors.As(err, &faults) || len(faults) != 1 {
			t.Errorf("%s: got %v, want one fault", name, err)
		}
	}
}

func TestManyFaultsAreCut(t *testing.T) {
	_, err := config.Parse("fbgate.yaml", []byte(strings.Repeat("x: 1\n", 500)))
	if want := "\nand 401 more"; err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("got %v, want it to end with %q", err, want)
	}
}
