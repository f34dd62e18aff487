package forms

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"fbgate/davfb/face"
)

const (
	maxBody        = 64 << 10
	maxFields      = 64
	maxUsername    = 256
	maxPassword    = 1024
	maxDestination = 2048
)

// submission is what somebody has filled into the form.
type submission struct {
	destination, username, password string
	private                         bool
	// shown is set if the form was read before it was filled in.
	shown bool
}

// readSubmission reads the body of r, which net/http would not: Zimbra sends it as
// "x-www-form-urlencoded", and writes a space in it. The error is a *face.Refusal.
func readSubmission(w http.ResponseWriter, r *http.Request) (submission, error) {
	contentType, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	contentType = strings.ToLower(strings.TrimSpace(contentType))
	switch contentType {
	case "", "application/x-www-form-urlencoded", "x-www-form-urlencoded":
	default:
		return submission{}, &face.Refusal{Status: http.StatusUnsupportedMediaType,
			Text: "The form came as another type of content than application/x-www-form-urlencoded."}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLong *http.MaxBytesError
	if errors.As(err, &tooLong) {
		return submission{}, &face.Refusal{Status: http.StatusRequestEntityTooLarge, Text: fmt.Sprintf("The form is longer than %d bytes.", maxBody)}
	}
	if err != nil {
		return submission{}, malformed("The form did not come whole.")
	}
	return parseSubmission(string(body), contentType == "x-www-form-urlencoded")
}

// parseSubmission reads a form; of several fields of the same name, the first. A raw one
// has a name of a user that Zimbra did not escape, as it does all else, so that a plus is
// a plus there.
func parseSubmission(body string, raw bool) (submission, error) {
	if strings.Count(body, "&") >= maxFields {
		return submission{}, malformed(fmt.Sprintf("The form has more than %d fields.", maxFields))
	}
	fields := make(map[string]string)
	for field := range strings.SplitSeq(body, "&") {
		name, value, _ := strings.Cut(field, "=")
		if !raw || name != "username" {
			value = strings.ReplaceAll(value, "+", " ")
		}
		if _, again := fields[name]; !again {
			fields[name] = unescape(value)
		}
	}
	s := submission{
		destination: fields["destination"], username: fields["username"], password: fields["password"],
		private: fields["trusted"] == "4", shown: fields["shown"] == "1",
	}
	return s, s.check()
}

// check returns why nobody has to be asked about s, if so.
func (s *submission) check() error {
	switch {
	case len(s.username) > maxUsername:
		return malformed(fmt.Sprintf("The user name is longer than %d bytes.", maxUsername))
	case len(s.password) > maxPassword:
		return malformed(fmt.Sprintf("The password is longer than %d bytes.", maxPassword))
	case !utf8.ValidString(s.username) || !utf8.ValidString(s.password):
		return malformed("The user name or the password is not UTF-8.")
	case strings.ContainsFunc(s.username, unicode.IsControl) || strings.ContainsRune(s.password, 0):
		return malformed("There are control characters in the user name or the password.")
	case s.username == "" || s.password == "":
		return malformed("Type both your user name and your password.")
	}
	return nil
}

func malformed(text string) error {
	return &face.Refusal{Status: http.StatusBadRequest, Text: text}
}

// unescape decodes %xx, and leaves a percent sign as it is where no such thing follows:
// nobody escaped it then.
func unescape(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			high, ok1 := hexDigit(s[i+1])
			low, ok2 := hexDigit(s[i+2])
			if ok1 && ok2 {
				b.WriteByte(high<<4 | low)
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}
