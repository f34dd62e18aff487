package autodiscover

import (
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"fbgate/availability"
)

// Step is one thing a search did.
type Step struct {
	URL     string        // what was asked, or the name of a DNS record
	Did     string        // what was done: an operation, "HTTP redirect" or "DNS SRV"
	Outcome string        // what came of it, for people to read
	Took    time.Duration // 0 if nothing was asked
}

// String returns the step without its time.
func (s Step) String() string { return s.URL + " " + s.Did + ": " + s.Outcome }

// A search has about mostSteps at most, and follows mostHops redirects of any kind,
// as clients of Exchange do.
const (
	mostSteps = 60
	mostHops  = 10
)

// did records a step.
func (s *search) did(url, what string, took time.Duration, format string, args ...any) {
	s.steps = append(s.steps, Step{cut(url, 200), what, cut(fmt.Sprintf(format, args...), 300), took})
}

// stepper returns what records the step of asking u once it is known what came.
func (s *search) stepper(u *url.URL, what string, took time.Duration) func(format string, args ...any) {
	return func(format string, args ...any) { s.did(u.Redacted(), what, took, format, args...) }
}

// story tells all steps in one line of bounded length: the first ones and, if there
// are many, the last ones.
func story(steps []Step) string {
	const first, last = 10, 4
	var parts []string
	for i, step := range steps {
		switch rest := len(steps) - first - last; {
		case i < first || rest <= 0 || i >= first+rest:
			parts = append(parts, step.String())
		case i == first:
			parts = append(parts, fmt.Sprintf("%d more", rest))
		}
	}
	return strings.Join(parts, "; ")
}

// told is the detail of a reason without the URL it is about, which a step has
// anyway.
func told(reason *availability.Reason, u *url.URL) string {
	detail := reason.Detail
	for _, method := range []string{"Post ", "Get "} {
		detail = strings.TrimPrefix(detail, method+`"`+u.String()+`": `)
	}
	return strings.Replace(detail, " from "+u.Redacted(), "", 1)
}

// cut bounds a text to so many runes.
func cut(s string, most int) string {
	if utf8.RuneCountInString(s) > most {
		return string([]rune(s)[:most]) + "…"
	}
	return s
}
