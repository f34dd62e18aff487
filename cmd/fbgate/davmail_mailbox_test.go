//go:build unix

package main

import (
	"fmt"
	"net/http"
	"strings"
)

// frontEnd2003 is as much of an Exchange 2003 front-end server as DavMail insists on
// before it asks about anybody: Outlook Web Access with its log-in form, and a mailbox
// for everybody who knows the password. Free/busy is somebody else's.
type frontEnd2003 struct {
	freeBusy http.Handler
	// whole is set if freeBusy is to have all of /public, else there are public
	// folders as well.
	whole func(user string) bool
}

const (
	owaLogon = "/exchweb/bin/auth/owaauth.dll"
	// loginTimeout is a status of IIS: a session has ended, or there was none.
	loginTimeout = 440
)

func (x *frontEnd2003) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	user := ""
	if session, err := r.Cookie("sessionid"); err == nil {
		user = session.Value
	}
	switch {
	case r.URL.Path == owaLogon:
		x.logOn(w, r)
	case user == "" && r.Method == http.MethodGet:
		fmt.Fprintf(w, `<html><body><form action="%s" method="POST" name="logonForm">`+
			`<input type="hidden" name="destination" value="http://%s/exchange/"><input type="hidden" name="flags" value="0">`+
			`<input type="text" name="username"><input type="password" name="password">`+
			`<input type="submit" name="SubmitCreds" value="Log On"></form></body></html>`, owaLogon, r.Host)
	case user == "":
		w.WriteHeader(loginTimeout)
	case !strings.HasPrefix(r.URL.Path, "/public"):
		x.mailbox(w, r, user)
	case r.URL.RawQuery == "" && !x.whole(user):
		properties(w, "<a:href>http://"+r.Host+"/public/</a:href>", "<a:displayname>public</a:displayname>")
	default:
		x.freeBusy.ServeHTTP(w, r)
	}
}

func (x *frontEnd2003) logOn(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost && r.PostFormValue("password") == davMailPassword {
		http.SetCookie(w, &http.Cookie{Name: "sessionid", Value: r.PostFormValue("username"), Path: "/"})
	}
	http.Redirect(w, r, "http://"+r.Host+"/exchange/", http.StatusFound)
}

// mailbox answers what DavMail asks about its user: where the mailbox is, whose it is,
// and where its folders are.
func (x *frontEnd2003) mailbox(w http.ResponseWriter, r *http.Request, user string) {
	home := "http://" + r.Host + "/exchange/" + user + "/"
	switch {
	case r.Method == http.MethodGet && r.URL.Query().Get("Cmd") == "galfind":
		w.Header().Set("Content-Type", "text/xml")
		fmt.Fprintf(w, `<a:response xmlns:a="WM"><a:addresslist><a:item><a:DN>%s</a:DN><a:AN>%[1]s</a:AN>`+
			`<a:EM>%[1]s@example.org</a:EM></a:item></a:addresslist></a:response>`, user)
	case r.Method == http.MethodGet:
		fmt.Fprintf(w, `<html><head><base href="%s"></head></html>`, home)
	case r.Method == "PROPFIND":
		var folders strings.Builder
		for _, folder := range []string{"inbox", "outbox", "drafts", "sentitems", "deleteditems", "calendar", "contacts", "tasks", "sendmsg"} {
			fmt.Fprintf(&folders, "<d:%s>%s%[1]s/</d:%[1]s>", folder, home)
		}
		properties(w, "<a:href>"+home+"</a:href>", folders.String())
	default:
		w.WriteHeader(http.StatusNotImplemented)
	}
}

func properties(w http.ResponseWriter, href, properties string) {
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(http.StatusMultiStatus)
	fmt.Fprintf(w, `<?xml version="1.0"?><a:multistatus xmlns:a="DAV:" xmlns:d="urn:schemas:httpmail:"><a:response>%s`+
		`<a:propstat><a:status>HTTP/1.1 200 OK</a:status><a:prop>%s</a:prop></a:propstat></a:response></a:multistatus>`, href, properties)
}
