package page

import (
	"net/http"
	"strings"
	"time"

	"fbgate/davfb/admin/session"
)

// cookie is the name of the one that names a session.
const cookie = "fbgate_session"

var errToken = problem{http.StatusInternalServerError, "Nobody can sign in", "admin.token_file cannot be read; the log says why."}

// find returns the session a visit belongs to, nil if there is none.
func (p *pages) find(v *visit) (*session.Session, error) {
	token, err := p.Token()
	if err != nil {
		p.Log.Error("admin.token_file cannot be read", "error", err)
		return nil, errToken
	}
	c, err := v.Cookie(cookie)
	if err != nil {
		return nil, nil
	}
	return p.sessions.Find(c.Value, token), nil
}

type signIn struct {
	frame
	To    string
	Wrong string // what was wrong with the last try
}

func (p *pages) signInForm(v *visit) error { return p.showSignIn(v, http.StatusOK, "") }

func (p *pages) showSignIn(v *visit, status int, wrong string) error {
	if p.Token == nil {
		return v.see("/ui/")
	}
	f := p.frame(v, "Sign in", "")
	f.Nav, f.Version, f.Uptime = nil, "", "" // which are nobody's business yet
	return p.show(v, status, "sign-in", signIn{f, local(v.field("to")), wrong})
}

// local returns a path below /ui/, whatever it is given.
func local(path string) string {
	if !strings.HasPrefix(path, "/ui/") || strings.ContainsAny(path, "\\\r\n") || strings.Contains(path, "/sign-") {
		return "/ui/"
	}
	return path
}

func (p *pages) signIn(v *visit) error {
	if p.Token == nil {
		return v.see("/ui/")
	}
	if !p.attempts.Allow(client(v.Request)) {
		p.Log.Warn("sign-in refused: too many attempts", "client", v.RemoteAddr)
		v.ResponseWriter.Header().Set("Retry-After", "60")
		return p.showSignIn(v, http.StatusTooManyRequests, "Too many attempts: wait a minute.")
	}
	token, err := p.Token()
	if err != nil {
		p.Log.Error("admin.token_file cannot be read", "error", err)
		return errToken
	}
	if !sameToken(v.PostForm.Get("token"), token) {
		p.Log.Warn("sign-in refused: wrong token", "client", v.RemoteAddr)
		return p.showSignIn(v, http.StatusForbidden, "That is not the token of admin.token_file.")
	}
	one := p.sessions.Begin(token)
	p.Log.Info("operator signed in", "client", v.RemoteAddr, "session", one.Name)
	p.setCookie(v, one.ID, session.Longest)
	return v.see(local(v.PostForm.Get("to")))
}

func (p *pages) signOut(v *visit) error {
	if p.Token == nil {
		return v.see("/ui/")
	}
	p.sessions.End(v.session.ID)
	p.Log.Info("operator signed out", "client", v.RemoteAddr, "session", v.session.Name)
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
		HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: v.TLS != nil,
	})
}
