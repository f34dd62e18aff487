package main

import (
	"os"

	"fbgate/availability/directory"
	"fbgate/cmd/fbgate/config"
	"fbgate/davfb/login"
	"fbgate/davfb/login/negotiate"
)

// contents tries the files whose content parts of the gateway read for themselves, as
// [config.LoadWithFiles] wants it.
func contents(c *config.Config, fault func(key string, err error)) {
	if l := c.Login; l != nil {
		if l.HtpasswdFile != "" {
			_, err := login.OpenFile(l.HtpasswdFile, "")
			fault("login.htpasswd_file", err)
		}
		if l.GroupFile != "" { // with no accounts, whose faults are told
			_, err := login.OpenFile(os.DevNull, l.GroupFile)
			fault("login.group_file", err)
		}
		if l.KeytabFile != "" {
			_, err := negotiate.New(negotiate.Config{Keytab: func() ([]byte, error) {
				keytab, err := l.Keytab()
				return []byte(keytab), err
			}})
			fault("login.keytab_file", err)
		}
	}
	if d := c.Directory; d != nil && d.File != "" {
		_, err := directory.OpenFile(d.File)
		fault("directory.file", err)
	}
}
