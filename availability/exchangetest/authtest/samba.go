package authtest

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

// Samba is an account that Samba's ntlm_auth checks passwords of, without a domain
// controller. It verifies NTLMv2 responses only, as Samba does by default.
type Samba struct {
	Domain, Username, Password string
	// UPN is the account's user principal name, as user@domain. It may be empty.
	UPN string
}

// Start returns what [NTLM] starts Verifiers with: processes of ntlm_auth, which end
// with the test. Without ntlm_auth (Debian: winbind) the test is skipped.
func (s Samba) Start(t testing.TB) func() (Verifier, error) {
	path, err := exec.LookPath("ntlm_auth")
	if err != nil {
		path, err = exec.LookPath("/usr/bin/ntlm_auth")
	}
	if err != nil {
		t.Skip("ntlm_auth is not installed")
	}
	var mu sync.Mutex
	var ended bool
	var processes []*ntlmAuth
	t.Cleanup(func() {
		mu.Lock()
		defer mu.Unlock()
		ended = true
		for _, p := range processes {
			p.in.Close()
			p.command.Process.Kill()
			p.command.Wait()
		}
	})
	return func() (Verifier, error) {
		mu.Lock()
		defer mu.Unlock()
		if ended {
			return nil, fmt.Errorf("authtest: %s has ended", t.Name())
		}
		p, err := s.run(path)
		if err == nil {
			processes = append(processes, p)
		}
		return p, err
	}
}

// ntlmAuth is a process that speaks squid's protocol: a line in, a line out.
type ntlmAuth struct {
	account Samba
	command *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
}

// run starts a process. Given a password and an empty configuration, it asks neither
// winbindd nor a file.
func (s Samba) run(path string) (*ntlmAuth, error) {
	command := exec.Command(path, "--helper-protocol=squid-2.5-ntlmssp", "--configfile=/dev/null",
		"--option=netbios name=EX1", "--option=workgroup="+s.Domain,
		"--username="+s.Username, "--domain="+s.Domain, "--password="+s.Password)
	in, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return &ntlmAuth{s, command, in, bufio.NewReader(out)}, command.Start()
}

// ask returns the answer's code and what follows it.
func (p *ntlmAuth) ask(code string, message []byte) (string, string, error) {
	if _, err := fmt.Fprintf(p.in, "%s %s\n", code, base64.StdEncoding.EncodeToString(message)); err != nil {
		return "", "", err
	}
	line, err := p.out.ReadString('\n')
	answer, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	return answer, rest, err
}

func (p *ntlmAuth) Challenge(negotiate []byte) ([]byte, error) {
	code, rest, err := p.ask("YR", negotiate)
	if err != nil {
		return nil, err
	}
	if code != "TT" {
		return nil, fmt.Errorf("ntlm_auth answers a NEGOTIATE message with %s %s", code, rest)
	}
	return base64.StdEncoding.DecodeString(rest)
}

func (p *ntlmAuth) Authenticate(authenticate []byte) (string, error) {
	code, rest, err := p.ask("KK", authenticate)
	if err != nil {
		return "", err
	}
	if code != "AF" || !p.account.is(rest) {
		return "", fmt.Errorf("ntlm_auth answers an AUTHENTICATE message with %s %s", code, rest)
	}
	return rest, nil
}

// is reports whether DOMAIN\user is the account. ntlm_auth compares passwords, not
// names. A name without a domain is looked up among the server's own.
func (s Samba) is(name string) bool {
	domain, user, _ := strings.Cut(name, `\`)
	if domain == "" {
		return strings.EqualFold(user, s.Username) || s.UPN != "" && strings.EqualFold(user, s.UPN)
	}
	return strings.EqualFold(domain, s.Domain) && strings.EqualFold(user, s.Username)
}
