package main

import (
	"strings"
	"testing"
)

// What is wrong with the command line by itself ends with status 2, whichever command it is
// of, and before anything is opened or asked: there are no such files, and nobody listens.
func TestWrongArguments(t *testing.T) {
	const nobodyListens = " --admin http://127.0.0.1:1"
	for line, want := range map[string]string{
		"doctor --config none.yaml SMTP:": `"SMTP:" is not an address`,

		"query --gateway contoso.com mary@contoso.com":                         `--gateway: "contoso.com" is not an http or https URL`,
		"query --start tomorrow mary@contoso.com":                              `--start: "tomorrow" is not a time`,
		"query --end 25:00 mary@contoso.com":                                   `--end: "25:00" is not a time`,
		"query --start 2026-11-23 --end 2026-11-22 mary@contoso.com":           "--end: 2026-11-22 is not after --start",
		"query --interval 0 mary@contoso.com":                                  "--interval: 0 is not 1 to 1440 minutes",
		"query --interval 1441 mary@contoso.com":                               "--interval: 1441 is not 1 to 1440 minutes",
		"query --username mary mary@contoso.com":                               "--username and --password-file belong together",
		"query --password-file none mary@contoso.com":                          "--username and --password-file belong together",
		"query mary@contoso.com EX:":                                           `"EX:" is not an address`,
		"cache ls --limit=-1" + nobodyListens:                                  "--limit: -1 is less than 0",
		"cache ls --limit x" + nobodyListens:                                   "--limit: ",
		"cache ls --order age" + nobodyListens:                                 "--order must be one of",
		"cache show SMTP:" + nobodyListens:                                     `"SMTP:" is not an address`,
		"cache flush" + nobodyListens:                                          "say which",
		"cache flush --all --organization contoso" + nobodyListens:             "say which",
		"cache refresh mary@contoso.com --all" + nobodyListens:                 "say which",
		"cache refresh --all --username mary" + nobodyListens:                  "--username and --password-file belong together",
		"cache flush --all --admin contoso.com":                                `--admin: "contoso.com" is not an http or https URL`,
		"cache show mary@contoso.com --admin ldap://dc1":                       `--admin: "ldap://dc1" is not`,
		"cache ls --admin foo":                                                 `--admin: "foo" is not`,
		"orgs --admin foo":                                                     `--admin: "foo" is not`,
		"orgs --username mary" + nobodyListens:                                 "--username and --password-file belong together",
		"orgs --password-file none" + nobodyListens:                            "--username and --password-file belong together",
		"orgs --token-file a --username b --password-file c" + nobodyListens:   "--token-file and --username are two ways",
		"reload --admin foo":                                                   `--admin: "foo" is not`,
		"reload --token-file a --username b --password-file c" + nobodyListens: "--token-file and --username are two ways",
		"lookups --admin foo":                                                  `--admin: "foo" is not`,
		"lookups --limit 0" + nobodyListens:                                    "--limit: 0 is not 1 to 1000",
		"lookups --limit 1001" + nobodyListens:                                 "--limit: 1001 is not 1 to 1000",
		"lookups --reason foo" + nobodyListens:                                 `--reason: "foo" is none of autodiscover, `,
		"lookups 0" + nobodyListens:                                            "0 is not the number of a lookup",
		"lookups x" + nobodyListens:                                            "<number>",
		"lookups 7 --follow" + nobodyListens:                                   "leave out --follow",
		"lookups 7 --mailbox mary" + nobodyListens:                             "leave out --follow",
		"demo --listen 0.0.0.0:8080":                                           `--listen: "0.0.0.0:8080" is not HOST:PORT of this machine`,
		"demo --admin-listen 8081":                                             `--admin-listen: "8081" is not HOST:PORT`,
		"completion tcsh":                                                      "must be one of",
	} {
		var out, errs strings.Builder
		status := run(t.Context(), strings.Fields(line), &out, &errs)
		if status != exitUsage || out.Len() > 0 || !strings.HasPrefix(errs.String(), "fbgate: ") ||
			!strings.Contains(errs.String(), want) || !strings.HasSuffix(errs.String(), "\nTry fbgate --help.\n") {
			t.Errorf("fbgate %s ends with %d: %s%s; want %d and %q", line, status, &out, &errs, exitUsage, want)
		}
	}
}

// What only a look at a file or at the gateway tells is a failure.
func TestFailuresAreNotWrongArguments(t *testing.T) {
	for _, line := range []string{
		"check --config none.yaml",
		"doctor --config none.yaml mary@contoso.com",
		"query --gateway http://127.0.0.1:1 mary@contoso.com",
		"query --username mary --password-file none mary@contoso.com",
		"orgs --admin http://127.0.0.1:1",
		"orgs --token-file none",
		"lookups 7 --limit 5 --admin http://127.0.0.1:1",
		"lookups --reason timeout --admin http://127.0.0.1:1",
	} {
		var out, errs strings.Builder
		if status := run(t.Context(), strings.Fields(line), &out, &errs); status != exitFailure {
			t.Errorf("fbgate %s ends with %d: %s", line, status, &errs)
		}
	}
}
