package main

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"fbgate/availability"
	"fbgate/cmd/fbgate/config"
)

// However an address gets into a line, it is not shown.
func TestLogIsRedacted(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		var out strings.Builder
		log := newLog(config.Log{Format: format, RedactAddresses: true}, new(slog.LevelVar), &out)
		log.With("mailbox", "mary@contoso.com").WithGroup("g").Info("of mary@contoso.com",
			"any", availability.Mailbox("mary@contoso.com"), "all", []string{"mary@contoso.com"}, "error", errors.New("no mary@contoso.com"),
			slog.Group("inner", "m", "mary@contoso.com"), "by", "mary", "requester", `CONTOSO\mary`, "n", 7)
		if text := out.String(); strings.Contains(text, "mary") || strings.Count(text, "@contoso.com") != 6 || !strings.Contains(text, "7") {
			t.Errorf("%s: %s", format, text)
		}
		if r := redactor(config.Log{RedactAddresses: true}, log); r != log.Handler().(redacting).redactor {
			t.Error("what operators see is hidden in another way than in the log")
		}
	}
	// What is known to name somebody is hidden whatever it looks like, elsewhere in the line,
	// too; what says the same about everybody is left alone.
	for _, key := range []string{"account", "address", "another", "as", "by", "legacy_dn", "mailbox", "name", "one", "requester"} {
		var out strings.Builder
		log := newLog(config.Log{Format: "json", RedactAddresses: true}, new(slog.LevelVar), &out)
		log.Info("x", "detail", `no "mary smith"`, key, "Mary Smith", "mailboxes", []string{"maryjo", "and 3 more"}, "remedy", "it has to be user@domain", "path", "/exchange/mary/",
			"other", []availability.Mailbox{"mary@contoso.com"}, "count", 7, "client", `10.0.0.1, CONTOSO\mary, session AB2C3D`)
		text := out.String()
		if strings.Contains(strings.ToLower(text), "mary") || !strings.Contains(text, "and 3 more") || !strings.Contains(text, "user@domain") || !strings.Contains(text, `"count":7`) ||
			!strings.Contains(text, `"10.0.0.1, m-`) || !strings.Contains(text, ", session AB2C3D") {
			t.Errorf("%s: %s", key, text)
		}
	}
	var out strings.Builder
	newLog(config.Log{}, new(slog.LevelVar), &out).Info("x", "mailbox", "mary@contoso.com")
	if !strings.Contains(out.String(), "mary@contoso.com") {
		t.Error(out.String())
	}
	if r := redactor(config.Log{}, slog.Default()); r != nil {
		t.Error(fmt.Sprint(r))
	}
}
