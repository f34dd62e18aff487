package passthrough

import "net/http"

// spellings are the names of fields that IIS and Exchange 2003 do not write as net/http
// does. Names have no case (RFC 9110, 5.1), but the old clients' readers were never
// tried with others.
var spellings = map[string]string{
	"Dav":              "DAV",
	"Dasl":             "DASL",
	"Etag":             "ETag",
	"Ms-Author-Via":    "MS-Author-Via",
	"Ms-Webstorage":    "MS-WebStorage",
	"Www-Authenticate": "WWW-Authenticate",
	"X-Aspnet-Version": "X-AspNet-Version",
	"X-Ua-Compatible":  "X-UA-Compatible",
}

// respell gives the fields of a response the names the server wrote, and keeps net/http
// from adding any.
func respell(header http.Header) {
	for canonical, spelled := range spellings {
		if values, ok := header[canonical]; ok {
			delete(header, canonical)
			header[spelled] = values
		}
	}
	for _, added := range []string{"Content-Type", "Date"} {
		if _, ok := header[added]; !ok {
			header[added] = nil
		}
	}
}
