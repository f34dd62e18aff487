package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// rooms are the packages, each with what is below it unless that has an entry of
// its own, and what of the project they may import: one package, or with "/..." it
// and all below it.
var rooms = map[string][]string{
	"availability":                  {},
	"availability/access":           {"availability"},
	"availability/autodiscover":     {"availability", "availability/upstream", "translate/autodiscover"},
	"availability/availabilitytest": {"availability"},
	"availability/credential":       {"availability", "availability/upstream"},
	"availability/directory":        {"availability"},
	"availability/doctor":           {"availability", "availability/directory", "availability/upstream"},
	"availability/ews":              {"availability", "availability/upstream", "translate/..."},
	"availability/exchangetest":     {"availability", "availability/exchangetest/pretend"}, // not translate: it reads the protocol for itself
	"availability/guard":            {"availability"},
	"availability/journal":          {"availability"},
	"availability/meter":            {"availability"},
	"availability/plan":             {"availability"},
	"availability/published":        {"availability"},
	"availability/publisher":        {"availability", "availability/upstream", "translate/..."},
	"availability/publicfolder":     {"availability", "availability/upstream", "translate/..."},
	"availability/route":            {"availability"},
	"availability/upstream":         {"availability"},
	"cache":                         {"availability", "availability/meter"},
	"cache/storetest":               {"availability", "cache"},
	"cmd/fbgate":                    {"availability/...", "cache", "cmd/...", "davfb/...", "translate/..."},
	"davfb":                         {"availability", "davfb/face", "translate/..."},
	"davfb/face":                    {"availability", "availability/journal"},
	"davfb/admin":                   {"availability", "availability/access", "availability/doctor", "availability/journal", "availability/meter", "availability/publisher", "cache", "davfb/admin/session", "davfb/face", "davfb/intake"},
	"davfb/admin/page":              {"availability", "availability/doctor", "availability/journal", "availability/meter", "cache", "davfb/admin", "davfb/admin/session", "davfb/face", "translate/..."},
	"davfb/admin/session":           {},
	"davfb/folder":                  {"availability", "davfb/face", "translate/..."},
	"davfb/intake":                  {},
	"davfb/internet":                {"availability", "davfb/face", "translate/..."},
	"davfb/login":                   {"availability", "davfb/face", "davfb/login/..."},
	"davfb/login/forms":             {"availability", "davfb/face", "davfb/login", "translate/..."},
	"davfb/passthrough":             {"availability", "davfb/face"},
	"davfb/secure":                  {},
	"translate":                     {"availability", "translate/..."},
}

// confined are the libraries that only some rooms know, so that they can be replaced.
var confined = map[string][]string{
	"github.com/Azure/go-ntlmssp":   {"availability/credential"},
	"github.com/alecthomas/kong":    {"cmd/fbgate"},
	"github.com/chromedp":           {"davfb/admin/..."}, // in tests
	"github.com/emersion/go-ical":   {"translate/vfreebusy"},
	"github.com/emersion/go-webdav": {"davfb/...", "availability/caldav"},
	"github.com/go-ldap/ldap":       {"availability/directory", "availability/exchangetest/..."},
	"github.com/goccy/go-yaml":      {"cmd/fbgate/config"},
	"github.com/gorilla/mux":        {"davfb/..."},
	"github.com/jcmturner":          {"availability/credential", "availability/exchangetest/...", "davfb/login/negotiate"},
	"github.com/patrickmn/go-cache": {"cache"},
	"github.com/prometheus":         {"davfb/admin"},
	"github.com/sony/gobreaker":     {"availability/guard"},
	"go.etcd.io/bbolt":              {"availability/published"},
	"golang.org/x/crypto":           {"davfb/login"},
	"golang.org/x/oauth2":           {"availability/credential"},
	"pgregory.net/rapid":            {"availability/availabilitytest"},
	"net/http": {"availability/autodiscover", "availability/credential", "availability/doctor", "availability/ews",
		"availability/exchangetest/...", "availability/publicfolder", "availability/publisher", "availability/upstream", "cmd/fbgate", "davfb/..."},
}

func TestImportsPointOneWay(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "fbgate/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	// matches reports whether a pattern names path.
	matches := func(path string) func(string) bool {
		return func(pattern string) bool {
			above, tree := strings.CutSuffix(pattern, "/...")
			return path == above || tree && strings.HasPrefix(path, above+"/")
		}
	}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		importer := strings.TrimPrefix(fields[0], "fbgate/")
		allowed, ok := rooms[importer]
		for room := importer; !ok && strings.Contains(room, "/"); allowed, ok = rooms[room] {
			room = room[:strings.LastIndexByte(room, '/')]
		}
		if !ok {
			t.Errorf("%s has no entry among the rooms", importer)
		}
		for _, path := range fields[1:] {
			if inside, own := strings.CutPrefix(path, "fbgate/"); own && !slices.ContainsFunc(allowed, matches(inside)) {
				t.Errorf("%s must not import %s", importer, inside)
			}
			for library, where := range confined {
				if matches(path)(library+"/...") && !slices.ContainsFunc(where, matches(importer)) {
					t.Errorf("%s must not import %s: only %v may", importer, path, where)
				}
			}
		}
	}
}
