package login_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	"pgregory.net/rapid"

	"fbgate/davfb/login"
)

func TestAccountKey(t *testing.T) {
	for name, want := range map[string]string{
		"joe": "joe", "JOE": "joe", `CONTOSO\Joe`: "joe", "contoso/joe": "joe", "joe@contoso.com": "joe", `A\B\joe@x@y`: "joe",
		" joe  smith ": "joe smith", "MÜLLER": "müller", "boſs": "boss", "mi\u212ae": "mike", "@joe": "@joe", "": "",
	} {
		if got := login.AccountKey(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

// Folding agrees with what strings.EqualFold takes for equal, of all letters there are.
func TestFolded(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		s := string(r)
		if f := login.Folded(s); !strings.EqualFold(f, s) || login.Folded(string(unicode.SimpleFold(r))) != f {
			t.Errorf("%q becomes %q", s, f)
		}
	}
}

// Whatever strangers send, and when: of no account are more than five wrong passwords
// asked about in any ten minutes, and somebody else's account opens to its owner.
func TestLimitsHold(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		type step struct {
			client, name int
			wait         time.Duration
		}
		steps := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) step {
			return step{rapid.IntRange(1, 40).Draw(rt, "client"), rapid.IntRange(0, 2).Draw(rt, "name"), time.Duration(rapid.IntRange(0, 200).Draw(rt, "wait")) * time.Second}
		}), 1, 60).Draw(rt, "steps")
		synctest.Test(t, func(*testing.T) {
			d := newDirectory("joe:secret", "jane:hers")
			p := &login.Passwords{Accounts: d, Log: quiet()}
			var asked []time.Time
			for i, s := range steps {
				time.Sleep(s.wait)
				before := d.asked("")
				_, err := p.Check(from(fmt.Sprintf("192.0.2.%d", s.client)), []string{"joe", "JOE", `X\joe`}[s.name], fmt.Sprint(i))
				if err == nil {
					rt.Fatal("a wrong password is right")
				}
				if d.asked("") > before {
					asked = append(asked, time.Now())
				}
				if n := len(asked); n > 5 && asked[n-1].Sub(asked[n-6]) < 10*time.Minute {
					rt.Fatalf("six within %s", asked[n-1].Sub(asked[n-6]))
				}
				if n := len(asked); d.asked("") == before && (n < 5 || time.Since(asked[n-5]) >= 10*time.Minute) {
					rt.Fatalf("refused unasked after %d", n)
				}
			}
			if _, err := p.Check(from("203.0.113.1"), "jane", "hers"); err != nil {
				rt.Fatal(err)
			}
		})
	})
}

func TestLongNamesAreShortInLogs(t *testing.T) {
	var log strings.Builder
	p := &login.Passwords{Accounts: newDirectory(), Log: logTo(&log)}
	p.Check(from("192.0.2.1"), strings.Repeat("ü", 100), "hunter2")
	if len(log.String()) > 400 || strings.Contains(log.String(), "hunter2") || !strings.Contains(log.String(), "192.0.2.1") {
		t.Error(log.String())
	}
}
