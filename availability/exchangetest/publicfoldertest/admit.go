package publicfoldertest

import (
	"fmt"
	"net/http"
	"strings"
)

// maxHead is how long request line and headers may be together: the MaxRequestBytes
// of Windows Server 2003's HTTP.sys.
const maxHead = 16 << 10

// refusal is an answer the free/busy itself has no part in.
type refusal struct {
	name   string
	status int
	title  string
	header http.Header
}

func refuse(status int, title string) *refusal {
	return &refusal{name: fmt.Sprintf("status-%d", status), status: status, title: title, header: http.Header{}}
}

func (r *refusal) send(w http.ResponseWriter) {
	for name, values := range r.header {
		w.Header()[name] = values
	}
	page(w, r.status, r.title)
}

// admit returns how a request is refused, or nil, by those it passes in turn:
// HTTP.sys, URLScan, IIS, the forms-based log-in, and Exchange.
func (s *Server) admit(r *http.Request) *refusal {
	for _, gate := range []func(*http.Request) *refusal{s.lengths, s.virtualDirectory, s.account, s.forms, s.exchange} {
		if refused := gate(r); refused != nil {
			return refused
		}
	}
	return nil
}

func (s *Server) lengths(r *http.Request) *refusal {
	head := len(r.Method) + len(r.RequestURI) + len(" HTTP/1.1\r\n") + 1
	for name, values := range r.Header {
		for _, value := range values {
			head += len(name) + len(": \r\n") + len(value)
		}
	}
	switch {
	case len(r.RequestURI) > maxHead:
		return refuse(http.StatusRequestURITooLong, "Request-URI Too Long")
	case head > maxHead:
		return refuse(http.StatusBadRequest, "Bad Request (Request Header Too Long)")
	case len(r.URL.RawQuery) > s.MaxQuery:
		return refuse(http.StatusNotFound, "The page cannot be found") // URLScan does not say why
	}
	return nil
}

func (s *Server) virtualDirectory(r *http.Request) *refusal {
	if !strings.EqualFold(strings.TrimRight(r.URL.Path, "/"), strings.TrimRight(Path, "/")) {
		return refuse(http.StatusNotFound, "The page cannot be found")
	}
	if s.RequireSSL && r.TLS == nil {
		return refuse(http.StatusForbidden, sslRequired)
	}
	return nil
}

const sslRequired = "HTTP Error 403.4 - Forbidden: SSL is required to view this resource."

func (s *Server) account(r *http.Request) *refusal {
	if user, password, _ := r.BasicAuth(); s.Username == "" || user == s.Username && password == s.Password {
		return nil
	}
	refused := refuse(http.StatusUnauthorized, "You are not authorized to view this page")
	refused.header.Set("WWW-Authenticate", `Basic realm="publicfoldertest"`)
	return refused
}

func (s *Server) forms(*http.Request) *refusal {
	if !s.FormsAuthentication {
		return nil
	}
	refused := refuse(statusLoginTimeout, "Login Timeout")
	refused.header["Set-Cookie"] = []string{
		"sessionid=; path=/; expires=Thu, 01-Jan-1970 00:00:00 GMT",
		"cadata=; path=/; expires=Thu, 01-Jan-1970 00:00:00 GMT",
	}
	refused.header.Set("Connection", "close")
	return refused
}

const statusLoginTimeout = 440

// exchange passes on nothing but the XML interface's free/busy, which is there for
// Internet Explorer alone.
func (s *Server) exchange(r *http.Request) *refusal {
	switch {
	case r.Method != http.MethodGet:
		refused := refuse(http.StatusMethodNotAllowed, "Method Not Allowed")
		refused.header.Set("Allow", http.MethodGet)
		return refused
	case !strings.EqualFold(parameter(r.URL.RawQuery, "cmd"), "freebusy"):
		return &refusal{name: "html", status: http.StatusOK, title: "Public Folders"}
	}
	s.mu.Lock()
	referral := s.referral
	s.mu.Unlock()
	if referral != "" {
		refused := refuse(http.StatusFound, "Object Moved")
		refused.header.Set("Location", referral+"?"+r.URL.RawQuery)
		return refused
	}
	if !strings.Contains(r.UserAgent(), "MSIE") {
		return &refusal{name: "html", status: http.StatusOK, title: "Free/Busy"}
	}
	if strings.EqualFold(r.Header.Get("Translate"), "f") {
		return &refusal{name: "html", status: http.StatusOK, title: "WebDAV, not the XML interface"}
	}
	return nil
}

// page answers like a web server, with HTML.
func page(w http.ResponseWriter, status int, title string) {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "<html><head><title>%s</title></head><body><h1>%s</h1><br><hr></body></html>", title, title)
}
