package main

import (
	"errors"
	"fmt"
	"net/url"

	"fbgate/availability"
)

// checked is a command whose arguments can be wrong, each by itself or because they do not
// go together, in ways that parsing does not see. It is asked before anything is opened or
// sent, and then ends with exitUsage. What takes a look at a file or a gateway to know is a
// failure of Run instead.
type checked interface{ wrong() error }

// wrong implements checked for all commands that ask the operators' listener.
func (o *operator) wrong() error {
	if _, err := o.base(); err != nil {
		return err
	}
	if o.Token != "" && o.Username != "" {
		return errors.New("--token-file and --username are two ways to sign in: give one of them")
	}
	return together(o.Username, o.Password)
}

// together says if there is a name without a file for its password, or the other way round.
func together(username, file string) error {
	if (username == "") != (file == "") {
		return errors.New("--username and --password-file belong together")
	}
	return nil
}

// webAddress reads the URL of a flag.
func webAddress(flag, text, example string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%s: %q is not an http or https URL; write for example %s", flag, text, example)
	}
	return u, nil
}

// nobody says if an address names none.
func nobody(address string) error {
	if availability.ParseMailbox(address) == "" {
		return fmt.Errorf("%q is not an address; write for example mary@contoso.com", address)
	}
	return nil
}

// wrong implements checked.
func (c *doctorCommand) wrong() error {
	if c.As != "" && availability.ParseMailbox(c.As).Domain() == "" {
		return fmt.Errorf("--as: %q is not an address; write for example mary@contoso.com", c.As)
	}
	return nobody(c.Mailbox)
}
