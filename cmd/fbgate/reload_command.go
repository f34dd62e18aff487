package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"fbgate/davfb/admin"
)

type reloadCommand struct{ operator }

// errRestart is that the configuration is in force but for what waits for a restart, which
// has been told.
var errRestart = errors.New("keys wait for a restart")

// Run has the gateway read its configuration anew, and ends with a status of its own if some
// of it waits for a restart.
func (c *reloadCommand) Run(ctx context.Context, console console) error {
	var done struct {
		Changes string
		Restart []string
	}
	body, err := c.ask(ctx, console, "POST", "/reload", nil, &done)
	if err != nil {
		return notReloaded(console, err)
	}
	if c.JSON {
		err = indent(console.out, body)
	} else {
		showReload(console, done.Changes)
	}
	if err != nil || len(done.Restart) == 0 {
		return err
	}
	fmt.Fprintf(console.err, "fbgate: the file says otherwise about these, which need a restart: %s\n", printable(strings.Join(done.Restart, ", ")))
	return errRestart
}

func showReload(console console, changes string) {
	if changes == "" {
		fmt.Fprintln(console.out, "The configuration is reloaded. Nothing has changed.")
		return
	}
	fmt.Fprintln(console.out, "The configuration is reloaded. This has changed:")
	for line := range strings.Lines(changes) {
		fmt.Fprintln(console.out, printable(strings.TrimRight(line, "\n")))
	}
}

// notReloaded tells of faults as fbgate check does.
func notReloaded(console console, err error) error {
	faults, are := strings.CutPrefix(err.Error(), admin.NotReloaded)
	if !are {
		return err
	}
	fmt.Fprintf(console.err, "fbgate: %s\nThe configuration before stays in force.\n", faults)
	return errReported
}
