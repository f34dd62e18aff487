package main

import (
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"fbgate/davfb/admin"
)

// fbgate reload says what has changed; faults as fbgate check does; and by a status of its
// own what waits for a restart.
func TestReloadCommand(t *testing.T) {
	contoso := newCounted(t, "mary@contoso.com")
	whole := "organizations:\n" + contoso.entry("contoso", "")
	r := startReloaded(t, whole)
	command := func(args ...string) (status int, out, errs string) {
		t.Helper()
		var stdout, stderr strings.Builder
		status = run(t.Context(), args, &stdout, &stderr)
		return status, stdout.String(), stderr.String()
	}
	reload := func(flags ...string) (status int, out, errs string) {
		t.Helper()
		return command(append([]string{"reload", "--admin", "http://" + r.operators.String()}, flags...)...)
	}
	expect := func(what, text string, wantStatus int, wantOut, wantErrs string) {
		t.Helper()
		r.write(text)
		if status, out, errs := reload(); status != wantStatus || out != wantOut || errs != wantErrs {
			t.Errorf("%s: %d\n%s%swant %d\n%s%s", what, status, out, errs, wantStatus, wantOut, wantErrs)
		}
	}
	expect("nothing", whole, exitOK, "The configuration is reloaded. Nothing has changed.\n", "")
	longer := "answer_timeout: 20s\n" + whole
	expect("a key", longer, exitOK, "The configuration is reloaded. This has changed:\n- answer_timeout: 10s\n+ answer_timeout: 20s\n", "")
	if !strings.Contains(r.log.String(), `msg="configuration reloaded" client=127.0.0.1 `) {
		t.Error(r.log)
	}
	expect("the same again", longer, exitOK, "The configuration is reloaded. Nothing has changed.\n", "")

	waits := "limits: {connections: 500}\nanswer_timeout: 10s\n" + whole
	expect("a key that waits", waits, exitRestart, "The configuration is reloaded. This has changed:\n- answer_timeout: 20s\n+ answer_timeout: 10s\n",
		"fbgate: the file says otherwise about these, which need a restart: limits.connections\n")
	if status, out, _ := reload("--json"); status != exitRestart || !strings.Contains(out, "\"changes\": \"\",\n  \"restart\": [\n    \"limits.connections\"\n") {
		t.Error(status, out)
	}

	for what, text := range map[string]string{
		"faults":               "lissten: 1\ntimout: \x1b[31m\n" + whole,
		"a file that is not":   "organizations:\n" + contoso.entry("contoso", ", ca_file: none.pem, credential: {username: svc, password_file: none}"),
		"what is no YAML":      "organizations: [\n",
		"an organization less": "access_rules: [{organizations: fabrikam, free_busy_access_level: none}]\n" + whole,
	} {
		r.write(text)
		status, out, checked := command("check", "--config", r.file)
		if status != exitFailure || out != "" {
			t.Fatal(status, out)
		}
		want := printableLines(checked) + "The configuration before stays in force.\n"
		if status, out, errs := reload(); status != exitFailure || out != "" || errs != want {
			t.Errorf("%s: %d\n%s%swant\n%s", what, status, out, errs, want)
		}
		if status, out, errs := reload("--json"); status != exitFailure || out != "" || errs != want {
			t.Errorf("%s: %d\n%s%swant\n%s", what, status, out, errs, want)
		}
	}
	if err := os.Remove(r.file); err != nil {
		t.Fatal(err)
	}
	if status, _, errs := reload(); status != exitFailure || !strings.HasPrefix(errs, "fbgate: read the configuration: open "+r.file+": no such file or directory\n") {
		t.Error(status, errs)
	}
	r.expect("mary@contoso.com", known)

	none := httptest.NewServer(admin.New(admin.Config{}))
	defer none.Close()
	if status, out, errs := command("reload", "--admin", none.URL); status != exitFailure || out != "" || errs != "fbgate: the configuration cannot be read anew here\n" {
		t.Error(status, out, errs)
	}
}
