package autodiscover

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"fbgate/availability"
)

func redirectAddress(target string) (Result, error) {
	m := availability.ParseMailbox(target)
	if m.Domain() == "" {
		return Result{}, availability.Because(availability.NotDiscovered, "a redirect to %.100q, which is no address", target)
	}
	return Result{RedirectAddress: m}, nil
}

func redirectURL(target string) (Result, error) {
	if target == "" {
		return Result{}, availability.Because(availability.NotDiscovered, "a redirect without a URL")
	}
	return Result{RedirectURL: target}, nil
}

// notXML says what came instead of an answer.
func notXML(body []byte, err error) *availability.Reason {
	start := bytes.ToLower(body[:min(len(body), 512)])
	if bytes.Contains(start, []byte("<html")) || bytes.Contains(start, []byte("<!doctype html")) {
		return availability.Because(availability.BadResponse, "an HTML page")
	}
	return availability.Because(availability.BadResponse, "not an Autodiscover reply: %s", shorten(err.Error(), 200))
}

// shorten makes one short line of what a server wrote.
func shorten(s string, most int) string {
	s = strings.ToValidUTF8(strings.Join(strings.Fields(s), " "), "\ufffd")
	if utf8.RuneCountInString(s) > most {
		s = string([]rune(s)[:most]) + "…"
	}
	return s
}
