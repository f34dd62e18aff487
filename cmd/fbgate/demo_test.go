package main

import (
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"fbgate/translate/davxml"
)

// demoPromises are the digits of today at local times, for those of whom something
// is known.
var demoPromises = map[string]string{
	"mary@contoso.com":      "00:00=0 08:30=0 09:00=2 09:30=0 11:00=2 11:30=2 12:00=0 14:30=1 15:30=1 16:00=2 16:30=2 17:00=0 23:30=0",
	"nina@contoso.com":      "00:00=3 04:00=3 12:00=3 23:30=3",
	"frontdesk@contoso.com": "07:30=0 08:00=2 09:30=2 10:00=0 11:00=2 12:00=0 13:00=2 14:00=0 15:00=2 16:30=2 17:00=0",
	"joe@fabrikam.com":      "08:00=0 08:30=1 09:00=0 10:00=2 10:30=2 11:00=2 11:30=0 12:00=3 12:30=3 13:00=0 15:00=2 16:00=0",
	"vera@northwind.com":    "09:00=0 09:30=1 10:00=1 10:30=0 11:00=2 11:30=0 14:00=3 16:30=3 17:00=0",
	"ann@emea.fabrikam.com": "09:00=0 11:30=0 13:00=0 13:30=2 15:30=2 16:00=0",
}

func TestDemoShowsWhatItPromises(t *testing.T) {
	for _, name := range []string{"UTC", "Asia/Kolkata", "America/Los_Angeles"} {
		t.Run(name, func(t *testing.T) {
			start, items := demo(t, name)
			if len(items) != 1+len(demoAttendees) {
				t.Fatalf("%d rows", len(items))
			}
			for i, address := range demoAttendees {
				item := items[1+i]
				if item.Address != address {
					t.Errorf("row %d is about %s, want %s", i, item.Address, address)
				}
				checkDemoDigits(t, start, item)
			}
		})
	}
}

func checkDemoDigits(t *testing.T, start time.Time, item davxml.Item) {
	t.Helper()
	promises, known := demoPromises[item.Address]
	if !known {
		if strings.Trim(item.Digits, "4") != "" {
			t.Errorf("%s is %s, but nothing may be known", item.Address, item.Digits)
		}
		return
	}
	if strings.Contains(item.Digits, "4") {
		t.Errorf("%s is %s, but all is known", item.Address, item.Digits)
	}
	for promise := range strings.FieldsSeq(promises) {
		text, digit, _ := strings.Cut(promise, "=")
		at := clock(t, start.Format("2006-01-02T")+text, start.Location())
		if slot := int(at.Sub(start) / (30 * time.Minute)); item.Digits[slot:slot+1] != digit {
			t.Errorf("%s at %s is %s, want %s: %s", item.Address, text, item.Digits[slot:slot+1], digit, item.Digits)
		}
	}
}

// demo runs the command on a machine in a zone, and reads what it prints: the
// request, and the reply to it.
func demo(t *testing.T, zoneName string) (start time.Time, items []davxml.Item) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), self)
	command.Args = []string{"fbgate", "demo", "--once", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"} // see TestMain
	variable, value := promptExit()
	command.Env = append(os.Environ(), "TZ="+zoneName, variable+"="+value)
	out, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	curl := regexp.MustCompile(`curl '(http://.*Cmd=freebusy.*)'`).FindSubmatch(out)
	body := regexp.MustCompile(`(?s)<a:response.*</a:response>\n`).Find(out)
	if curl == nil || body == nil {
		t.Fatalf("no request, or no reply, in\n%s", out)
	}
	asked, err := url.Parse(string(curl[1]))
	if err != nil {
		t.Fatal(err)
	}
	request, err := davxml.ParseQuery(asked.RawQuery, davxml.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	items, err = davxml.ReadAnswer(body, request.Window.Slots(request.Interval))
	if err != nil {
		t.Fatal(err)
	}
	return request.Window.Start.In(zone(t, zoneName)), items
}
