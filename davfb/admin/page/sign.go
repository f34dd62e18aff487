package page

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"time"

	"fbgate/davfb/admin"
	"fbgate/davfb/admin/session"
	"fbgate/davfb/face"
)

// cookie is the name of the one that names a session.
const cookie = "fbgate_session"

var errToken = problem{http.StatusInternalServerError, "Nobody can sign in by the token", "admin.token_file cannot be read; the log says why."}

// token returns the operators' token, empty if there is none.
func (p *pages) token() (string, error) {
	if p.Token == nil {
		return "", nil
	}
	token, err := p.Token()
	if err != nil {
		p.Log.Error("admin.token_file cannot be read", "error", err)
		return "", errToken
	}
	return token, nil
}

// find returns the session a visit belongs to, nil if there is none. One by the token that
// cannot be found while nobody knows the token goes on afterwards; meanwhile its owner may
// sign in by name, if that is a way.
func (p *pages) find(v *visit) (*session.Session, error) {
	c, err := v.Cookie(cookie)
	if err != nil {
		c = new(http.Cookie)
	}
	one, err := p.sessions.Find(c.Value, !v.byItself(), p.token)
	switch {
	case err != nil && p.SignIn != nil:
		return nil, nil
	case err != nil:
		return nil, err
	case one == nil && p.SignIn == nil: // to sign in would be in vain while nobody knows the token
		_, err := p.token()
		return nil, err
	case one != nil && one.Who != "" && !p.stays(v, one.Who):
		p.Log.Info("session ended: no operator any more", "client", v.RemoteAddr, "name", one.Who, "session", one.Name)
		p.sessions.End(one.ID)
		return nil, nil
	}
	return one, nil
}

// byItself reports whether a page is loaded again by its script, with nobody at work.
func (v *visit) byItself() bool { return v.Request.Header.Get("X-Fbgate-Refresh") != "" }

// stays reports whether somebody who has signed in by name still may.
func (p *pages) stays(v *visit, who string) bool {
	return p.SignIn != nil && (p.IsOperator == nil || p.IsOperator(v.Context(), who))
}

type signIn struct {
	frame
	To       string
	Wrong    string // what was wrong with the last try
	Name     string // it was made with
	Token    bool   // is one way to sign in
	Password bool   // with a name is another
	Plain    bool   // others could read the password
}

// Ways are how many there are to sign in.
func (s signIn) Ways() int {
	if s.Token && s.Password {
		return 2
	}
	return 1
}

func (p *pages) signInForm(v *visit) error { return p.showSignIn(v, http.StatusOK, "") }

func (p *pages) showSignIn(v *visit, status int, wrong string) error {
	if p.Open() {
		return v.see("/ui/")
	}
	f := p.frame(v, "Sign in", "")
	f.Nav, f.Version, f.Uptime = nil, "", "" // which are nobody's business yet
	byToken := p.Token != nil
	if _, err := p.token(); err != nil && p.SignIn != nil { // by name is all that is left
		byToken, wrong = false, cmp.Or(wrong, errToken.title+": "+errToken.text)
	}
	return p.show(v, status, "sign-in", signIn{f, local(v.field("to")), wrong, v.PostForm.Get("username"),
		byToken, p.SignIn != nil, !p.TakesPassword(v.Request)})
}

// local returns a path below /ui/, whatever it is given.
func local(path string) string {
	if !strings.HasPrefix(path, "/ui/") || strings.ContainsAny(path, "\\\r\n") || strings.Contains(path, "/sign-") {
		return "/ui/"
	}
	return path
}

func (p *pages) signIn(v *visit) error {
	if p.Open() {
		return v.see("/ui/")
	}
	if !p.attempts.Allow(client(v.Request)) {
		p.Log.Warn("sign-in refused: too many attempts", "client", v.RemoteAddr)
		admin.RetryAfter(v.ResponseWriter.Header(), time.Minute)
		return p.showSignIn(v, http.StatusTooManyRequests, "Too many attempts: wait a minute.")
	}
	one, err := p.begin(v)
	var refusal *face.Refusal
	if errors.As(err, &refusal) {
		return p.refuse(v, refusal)
	}
	if err != nil {
		return err
	}
	p.Log.Info("operator signed in", "client", v.RemoteAddr, "name", one.Who, "session", one.Name)
	p.setCookie(v, one.ID, session.Longest)
	return v.see(local(v.PostForm.Get("to")))
}

// begin begins the session of whoever has filled in one of the forms.
func (p *pages) begin(v *visit) (*session.Session, error) {
	if p.SignIn != nil && !v.PostForm.Has("token") {
		who, err := p.SignIn(v.Request, v.PostForm.Get("username"), v.PostForm.Get("password"))
		if err != nil {
			return nil, err
		}
		return p.sessions.BeginAs(who), nil
	}
	shown := v.PostForm.Get("token")
	right := false
	if p.Token != nil {
		var err error
		if right, err = p.IsToken(shown); err != nil {
			return nil, errToken
		}
	}
	if !right {
		p.Log.Warn("sign-in refused: wrong token", "client", v.RemoteAddr)
		return nil, &face.Refusal{Status: http.StatusUnauthorized, Text: "That is not the token of admin.token_file."}
	}
	return p.sessions.Begin(shown), nil
}

// refuse shows the forms again, and why.
func (p *pages) refuse(v *visit, refusal *face.Refusal) error {
	status, text := refusal.Status, refusal.Text
	if status == http.StatusUnauthorized { // which would have to say how to sign in without a form
		status = http.StatusForbidden
	}
	admin.RetryAfter(v.ResponseWriter.Header(), refusal.RetryAfter)
	if refusal.Status == http.StatusTooManyRequests {
		text += fmt.Sprintf(" Minutes to wait: %d.", int(math.Ceil(refusal.RetryAfter.Minutes())))
	}
	return p.showSignIn(v, status, text)
}

func (p *pages) signOut(v *visit) error {
	if p.Open() {
		return v.see("/ui/")
	}
	p.sessions.End(v.session.ID)
	p.Log.Info("operator signed out", "client", v.RemoteAddr, "name", v.session.Who, "session", v.session.Name)
	p.setCookie(v, "", -1)
	return v.see("/ui/sign-in")
}

func (p *pages) setCookie(v *visit, value string, lasting time.Duration) {
	age := int(lasting / time.Second)
	if lasting < 0 {
		age = -1
	}
	http.SetCookie(v.ResponseWriter, &http.Cookie{
		Name: cookie, Value: value, Path: "/ui/", MaxAge: age,
		HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: v.TLS != nil || p.HTTPS != nil && p.HTTPS(v.Request),
	})
}
