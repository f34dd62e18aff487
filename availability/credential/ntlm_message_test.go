package credential_test

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"fbgate/availability"
	"fbgate/availability/credential"
)

// challenger is a server's answers without a network: a challenge, and then 200.
type challenger struct {
	token string
	proof []byte // the AUTHENTICATE message
}

func (c *challenger) RoundTrip(r *http.Request) (*http.Response, error) {
	response := &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: http.NoBody, Request: r}
	if legOf(r) == proof {
		_, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		c.proof, _ = base64.StdEncoding.DecodeString(token)
		return response, nil
	}
	response.StatusCode = http.StatusUnauthorized
	response.Header.Set("WWW-Authenticate", "NTLM "+c.token)
	response.Body = io.NopCloser(strings.NewReader("no"))
	return response, nil
}

// answer has an account answer a challenge in base64.
func answer(t *testing.T, token string) ([]byte, error) {
	server := &challenger{token: token}
	client := credential.New(ntlm("svc", "secret"), func(*url.URL) bool { return true }).Transport(func(int) http.RoundTripper { return server })
	_, _, err := post(t.Context(), client, target, "question")
	return server.proof, err
}

func TestNTLMChallenges(t *testing.T) {
	const flags = 0xa28a8205
	good := pair(1, wide("EX1"))
	end := pair(0, nil)
	for name, c := range map[string]struct {
		challenge []byte
		fails     string
	}{
		"good":                   {challengeMessage(flags, good, end), ""},
		"with a time":            {challengeMessage(flags, good, pair(7, make([]byte, 8)), end), ""},
		"no pairs":               {challengeMessage(flags, end), ""},
		"something after them":   {challengeMessage(flags, good, end, make([]byte, 50)), ""},
		"version 1":              {challengeMessage(flags|1<<7, good, end), "wants NTLM version 1"},
		"no TargetInfo":          {challengeMessage(flags&^(1<<23), good, end), "no TargetInfo"},
		"no Unicode":             {challengeMessage(flags&^1, good, end), "Unicode"},
		"key exchange":           {challengeMessage(flags|1<<30, good, end), "key exchange"},
		"pairs without an end":   {challengeMessage(flags, good), "has no end"},
		"TargetInfo of no bytes": {challengeMessage(flags), "has no end"},
		"a pair cut short":       {challengeMessage(flags, good, []byte{2, 0, 100, 0, 1}), "0x0002 of the challenge is cut short"},
		"an odd time":            {challengeMessage(flags, pair(7, make([]byte, 9)), end), "0x0007 of the challenge has 9 bytes"},
		"TargetInfo elsewhere":   {challengeMessage(flags, good, end)[:64], "lies outside of it"},
		"short":                  {challengeMessage(flags, good, end)[:47], "no NTLM challenge"},
		"another message":        {append([]byte("NTLMSSP\x00\x03"), make([]byte, 60)...), "no NTLM challenge"},
		"SPNEGO":                 {append([]byte("\xa1\x81\xce\x30"), make([]byte, 60)...), "no NTLM challenge"},
		"long":                   {challengeMessage(flags, pair(1, make([]byte, 8<<10)), end), "too long"},
	} {
		t.Run(name, func(t *testing.T) {
			message, err := answer(t, base64.StdEncoding.EncodeToString(c.challenge))
			if c.fails == "" {
				if err != nil {
					t.Fatal(err)
				}
				if _, err := readAuthenticate(message); err != nil {
					t.Errorf("%v: %x", err, message)
				}
				return
			}
			reason := availability.ReasonFor(err)
			if reason.Code != availability.BadResponse || reason.Scope != availability.OfServer || !strings.Contains(reason.Detail, c.fails) {
				t.Errorf("%v; want %q", err, c.fails)
			}
			if message != nil {
				t.Errorf("it was answered with %x", message)
			}
		})
	}
	if _, err := answer(t, "TlRM!"); err == nil || !strings.Contains(err.Error(), "not base64") {
		t.Error(err)
	}
}

// Whatever a server sends for a challenge, the answer to it is a sound NTLMv2
// response of bounded length, or there is none and a Reason.
func FuzzNTLMChallenge(f *testing.F) {
	f.Add(challengeMessage(0xa28a8205, pair(1, wide("EX1")), pair(7, make([]byte, 8)), pair(0, nil)))
	f.Add(challengeMessage(0xa28a8205, pair(10, make([]byte, 16)), pair(9, nil), pair(0, nil)))
	f.Add(challengeMessage(0x00800001, []byte{1, 0, 255, 255}))
	f.Add([]byte("NTLMSSP\x00\x02\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, challenge []byte) {
		message, err := answer(t, base64.StdEncoding.EncodeToString(challenge))
		if err != nil {
			if reason := availability.ReasonFor(err); reason.Code != availability.BadResponse || len(reason.Detail) > 1500 {
				t.Fatal(err)
			}
			return
		}
		if len(message) > 9<<10 {
			t.Errorf("%d bytes", len(message))
		}
		read, err := readAuthenticate(message)
		if err != nil || read.user != "svc" || string(read.pairs[9]) != string(wide("HTTP/mail.fabrikam.example")) {
			t.Errorf("%v: %x", err, message)
		}
	})
}
