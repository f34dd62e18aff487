package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// What the package installs has to start as it is.
func TestPackagedConfigurationIsInOrder(t *testing.T) {
	var out, log bytes.Buffer
	if status := run(t.Context(), []string{"check", "--config", "deb/fbgate.yaml"}, &out, &log); status != exitOK {
		t.Errorf("exit status %d: %s", status, &log)
	}
}

// The manual page is written from what the program says of itself.
func TestManualPage(t *testing.T) {
	const file = "deb/fbgate.1"
	parser, err := kong.New(&commands{}, kong.Name("fbgate"), kong.Vars{"version": ""})
	if err != nil {
		t.Fatal(err)
	}
	want := manualPage(parser.Model)
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != want {
		t.Errorf("%s is not what the commands say (error: %v); go test ./cmd/fbgate -run ManualPage -update writes it anew", file, err)
	}
}

// manualPage is written in the macros of man(7).
func manualPage(program *kong.Application) string {
	commands := program.Leaves(true)
	var b strings.Builder
	b.WriteString(`.\" Written by go test ./cmd/fbgate -run ManualPage -update
.TH FBGATE 1 "" fbgate
.SH NAME
fbgate \- free/busy gateway for clients of Exchange 2003
.SH SYNOPSIS
`)
	for _, command := range commands {
		fmt.Fprintf(&b, ".B fbgate\n%s\n.br\n", roff(strings.TrimPrefix(command.Summary(), "fbgate ")))
	}
	b.WriteString(`.SH DESCRIPTION
It answers old calendar clients as Exchange 2000, 2003 and 2007 did, with what the
organizations say that hold the mailboxes today.
.SH COMMANDS
`)
	for _, command := range commands {
		fmt.Fprintf(&b, ".SS %s\n%s\n", roff(strings.TrimPrefix(command.Path(), "fbgate ")), roff(command.Help))
		for _, argument := range command.Positional {
			definition(&b, argument.Summary(), argument.Help)
		}
		for _, flag := range command.Flags {
			definition(&b, flag.String(), flag.Help)
		}
	}
	b.WriteString(".SH OPTIONS\n")
	for _, flag := range program.Flags {
		definition(&b, flag.String(), flag.Help)
	}
	b.WriteString(`.SH FILES
.TP
.I /etc/fbgate/fbgate.yaml
The configuration of the service.
.TP
.I /var/lib/fbgate
What the service keeps.
.TP
.I /usr/share/doc/fbgate/docs
The handbook:
.IR configuration.md ,
.I operations.md
and others.
.SH EXIT STATUS
0 after an orderly end, 1 after a failure, 2 if the command line is wrong. Of orgs 3, if
an organization does not answer, and of reload, if some of the configuration waits for a
restart.
.SH SEE ALSO
.BR systemctl (1),
.BR journalctl (1)
`)
	return b.String()
}

// definition writes what a word on the command line means.
func definition(b *strings.Builder, word, meaning string) {
	fmt.Fprintf(b, ".TP\n.B %s\n%s\n", roff(word), roff(meaning))
}

// roff is text in which nothing is taken for a request or an escape of roff.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "\n", " ").Replace(text)
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		text = `\&` + text
	}
	return text
}
