package main

import (
	"errors"
	"fmt"
	"log/slog"

	"fbgate/cmd/fbgate/config"
)

type checkCommand struct {
	Config string `required:"" placeholder:"FILE" help:"The configuration to check."`
}

// Run tries the configuration without opening a port or asking anybody.
func (c *checkCommand) Run(console console) error {
	loaded, err := load(c.Config)
	if err != nil {
		return err
	}
	if _, err := newGateway(loaded, nil, slog.New(slog.DiscardHandler)); err != nil {
		return err
	}
	domains := 0
	for _, o := range loaded.Organizations {
		domains += len(o.Domains)
	}
	fmt.Fprintf(console.out, "%s is in order: %s, %s; clients ask %s, operators %s.\n", c.Config,
		count(len(loaded.Organizations), "organization"), count(domains, "domain"), loaded.Listen, loaded.Admin.Listen)
	return nil
}

// load reads the configuration and everything it names. Its error has every fault
// of them.
func load(file string) (*config.Config, error) {
	loaded, err := config.Load(file)
	if err == nil {
		err = loaded.CheckFiles()
	}
	var faults config.Faults
	if errors.As(err, &faults) {
		return nil, fmt.Errorf("%s in the configuration:\n%w", count(len(faults), "fault"), err)
	}
	return loaded, err
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
