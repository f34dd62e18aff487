package folder

import (
	"net/http"

	"github.com/emersion/go-webdav"
)

// Library returns the library's own server of the same tree, to compare with.
func Library(c Config) http.Handler {
	f := &folder{Config: c}
	if f.MonthsBefore == 0 && f.MonthsAfter == 0 {
		f.MonthsBefore, f.MonthsAfter = 1, 2
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := &visit{folder: f, w: w, r: r, id: "library"}
		(&webdav.Handler{FileSystem: &tree{v: v}}).ServeHTTP(w, r)
	})
}
