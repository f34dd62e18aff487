package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	"fbgate/cmd/fbgate/config"
)

// operator is what all commands have in common that ask the operators' listener.
type operator struct {
	Admin    string `placeholder:"URL" default:"http://127.0.0.1:8081" help:"The operators' listener of the gateway. Default: ${default}"`
	Token    string `name:"token-file" placeholder:"FILE" help:"The file that holds the token, if admin.token_file is set."`
	Username string `placeholder:"NAME" help:"Sign in by this name, if admin.operators has it or a group of it, with --password-file."`
	Password string `name:"password-file" placeholder:"FILE" help:"The file that holds the password, on one line."`
	JSON     bool   `name:"json" help:"Print what the gateway answers, for programs."`
}

// mostOperated bounds what is read of one answer, in bytes.
const mostOperated = 64 << 20

// ask sends a request and reads the answer, or if whole is nil hands it on as it comes.
func (o *operator) ask(ctx context.Context, console console, method, path string, query url.Values, whole any) (body []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	defer waiting(console.err, "waiting for "+printable(o.Admin))()
	response, err := o.send(ctx, method, path, query, "")
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if body, err = io.ReadAll(io.LimitReader(response.Body, mostOperated)); err != nil {
		return nil, fmt.Errorf("the answer of %s broke off: %w", o.Admin, err)
	}
	if err := json.Unmarshal(body, whole); err != nil {
		return nil, fmt.Errorf("%s is no operators' listener of fbgate: its answer is not as expected: %w", o.Admin, err)
	}
	return body, nil
}

// send sends a request; what is not a success is an error that says what to do.
func (o *operator) send(ctx context.Context, method, path string, query url.Values, accept string) (*http.Response, error) {
	base, err := o.base()
	if err != nil {
		return nil, err
	}
	target := base.JoinPath(path)
	target.RawQuery = strings.ReplaceAll(query.Encode(), "+", "%20") // which there is a plus
	request, err := http.NewRequestWithContext(ctx, method, target.String(), nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", "fbgate/"+version())
	if accept != "" {
		request.Header.Set("Accept", accept)
	}
	if err := o.sign(request); err != nil {
		return nil, err
	}
	response, err := operators.Do(request)
	if err != nil {
		return nil, o.unreachable(err)
	}
	if response.StatusCode >= 300 {
		defer response.Body.Close()
		return nil, o.refused(response)
	}
	return response, nil
}

func (o *operator) base() (*url.URL, error) {
	return webAddress("--admin", o.Admin, "http://127.0.0.1:8081")
}

// sign shows the token, or the name and the password, if there are any.
func (o *operator) sign(request *http.Request) error {
	if o.Token != "" {
		token, err := config.ReadSecret(o.Token)
		if err != nil {
			return fmt.Errorf("--token-file: %w", err)
		}
		request.Header.Set("Authorization", "Bearer "+token)
		return nil
	}
	password, err := readPassword(o.Username, o.Password)
	if err == nil && o.Username != "" {
		request.SetBasicAuth(o.Username, password)
	}
	return err
}

// operators does not follow redirects: what is shown to sign in is for nobody else.
var operators = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

func (o *operator) unreachable(err error) error {
	switch {
	case errors.Is(err, context.Canceled):
		return context.Canceled
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("nobody listens at %s: is fbgate serve running, and is this its admin.listen? --admin names another", o.Admin)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s has not answered within a minute", o.Admin)
	}
	return fmt.Errorf("%w; --admin names the operators' listener", err)
}

func (o *operator) refused(response *http.Response) error {
	body, _ := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	var said struct{ Error string }
	if json.Unmarshal(body, &said) != nil || said.Error == "" {
		return fmt.Errorf("%s answered %s: it is no operators' listener of fbgate that knows this; --admin names another", o.Admin, printable(response.Status))
	}
	if response.StatusCode == http.StatusUnauthorized {
		return o.unauthorized(response.Header, printable(said.Error))
	}
	return errors.New(printableLines(said.Error))
}

// printableLines is printable for a text of several lines, such as faults of a file.
func printableLines(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = printable(lines[i])
	}
	return strings.Join(lines, "\n")
}

// unauthorized says how to sign in, of the ways the gateway offers, or that what was shown
// is wrong.
func (o *operator) unauthorized(header http.Header, said string) error {
	offers := func(scheme string) bool {
		return slices.ContainsFunc(header.Values("WWW-Authenticate"), func(way string) bool { return strings.HasPrefix(way, scheme+" ") })
	}
	const (
		byToken = "the file that holds it as --token-file; it is admin.token_file of the configuration"
		byName  = "--username and --password-file of one of admin.operators of the configuration"
	)
	switch token, name := offers("Bearer"), offers("Basic"); {
	case o.Token != "" && token:
		return fmt.Errorf("%s does not take the token in %s: --token-file has to hold what admin.token_file of the configuration holds", o.Admin, o.Token)
	case o.Username != "" && name:
		return fmt.Errorf("%s does not take %s with the password in %s: %s", o.Admin, o.Username, o.Password, said)
	case token && name:
		return fmt.Errorf("%s wants a token, or a name and a password: give %s; or give %s", o.Admin, byToken, byName)
	case name:
		return fmt.Errorf("%s wants a name and a password: give %s", o.Admin, byName)
	}
	return fmt.Errorf("%s wants a token: give %s", o.Admin, byToken)
}

// indent writes what a gateway answered.
func indent(out io.Writer, body []byte) error {
	var text bytes.Buffer
	if err := json.Indent(&text, bytes.TrimSpace(body), "", "  "); err != nil {
		return err
	}
	_, err := fmt.Fprintln(out, text.String())
	return err
}

// waiting says on a terminal, after a second, that something goes on, until what it
// returns is called.
func waiting(out io.Writer, what string) (end func()) {
	if !onTerminal(out) {
		return func() {}
	}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		begun := time.Now()
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		shown := false
		for {
			select {
			case <-tick.C:
				shown = true
				fmt.Fprintf(out, "\r%s, %d s", what, int(time.Since(begun).Seconds()))
			case <-done:
				if shown {
					fmt.Fprintf(out, "\r%s\r", strings.Repeat(" ", len(what)+8))
				}
				return
			}
		}
	}()
	return func() {
		close(done)
		<-ended
	}
}

// told is a reason as operators are told of it.
type told struct{ Code, Detail, Remedy string }

// code is empty if there is no reason.
func (t *told) code() string {
	if t == nil {
		return ""
	}
	return printable(t.Code)
}

// ago is how long something is ago, as people read it.
func ago(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", max(0, int(d.Seconds())))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}
