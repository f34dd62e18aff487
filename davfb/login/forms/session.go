package forms

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"
	"time"

	"fbgate/availability"
)

// session is what a pair of cookies tells. Times are in seconds of Unix.
type session struct {
	id      string               // a GUID, as sessionid has it
	Name    string               `json:"n"`
	Mailbox availability.Mailbox `json:"m,omitempty"`
	Groups  []string             `json:"g,omitempty"` // none if Find tells them
	Private bool                 `json:"p,omitempty"`
	Began   int64                `json:"b"`
	Issued  int64                `json:"i"`
}

// begin returns the session of somebody who has just logged in.
func (h *Handler) begin(who availability.Requester, private bool) session {
	now := time.Now().Unix()
	s := session{id: newGUID(), Name: who.Name, Mailbox: who.Mailbox, Private: private, Began: now, Issued: now}
	if h.Find == nil {
		s.Groups = who.Groups
	}
	return s
}

func (h *Handler) lifetime(s session) Lifetime {
	if s.Private {
		return h.Private
	}
	return h.Public
}

// over reports whether a session has ended.
func (h *Handler) over(s session, now time.Time) bool {
	most := h.lifetime(s)
	return now.Sub(time.Unix(s.Issued, 0)) >= most.Idle || now.Sub(time.Unix(s.Began, 0)) >= most.Max
}

// ages reports whether the cookie of a session should be renewed. Not each request
// does, as a client that sends several at a time would be given as many.
func (h *Handler) ages(s session, now time.Time) bool {
	return now.Sub(time.Unix(s.Issued, 0)) > h.lifetime(s).Idle/4
}

// newGUID returns a random UUID (RFC 9562, 5.4).
func newGUID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// language is what Exchange 2003 put behind the GUID of a session: English (United
// States).
const language = ",0x409"

// setSessionID and setCadata write Set-Cookie as Exchange 2003 did, byte for byte but
// for "secure", which http has not. They do so by hand, as net/http puts the first
// value in quotes.
func setSessionID(header http.Header, id string) {
	header.Add("Set-Cookie", "sessionid="+id+language+"; path=/")
}

func setCadata(header http.Header, sealed string, secure bool) {
	attributes := "; HttpOnly; path=/"
	if secure {
		attributes = "; HttpOnly; secure; path=/"
	}
	header.Add("Set-Cookie", `cadata="`+sealed+`"`+attributes)
}

// clearCookies makes a client forget its session, in Exchange's words.
func clearCookies(header http.Header) {
	for _, name := range []string{"sessionid", "cadata"} {
		header.Add("Set-Cookie", name+"=; path=/; expires=Thu, 01-Jan-1970 00:00:00 GMT")
	}
}

// cookies returns the GUID and the cadata a request carries, or "".
func cookies(r *http.Request) (id, cadata string) {
	if c, err := r.Cookie("sessionid"); err == nil {
		// Cookie jars of .NET part values at commas.
		id = strings.TrimSuffix(c.Value, language)
	}
	if c, err := r.Cookie("cadata"); err == nil {
		cadata = c.Value
	}
	return id, cadata
}
