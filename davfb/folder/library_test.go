package folder_test

import (
	"net/http"
	"net/http/httptest"
	"reflect"
	"sort"
	"testing"

	"fbgate/davfb/folder"

	"github.com/emersion/go-webdav"
)

// wire takes a handler for a server.
type wire struct{ http.Handler }

func (w wire) Do(r *http.Request) (*http.Response, error) {
	recorder := httptest.NewRecorder()
	if r.Body == nil {
		r.Body = http.NoBody
	}
	r.Host, r.RequestURI = r.URL.Host, r.URL.RequestURI()
	w.ServeHTTP(recorder, r)
	return recorder.Result(), nil
}

// The library's client reads our PROPFIND, and takes from it what it takes from that of
// the library's server of the same tree.
func TestLibraryReadsOurs(t *testing.T) {
	in2000(t, func(t *testing.T) {
		c := folder.Config{Source: contoso(), Log: quiet(), Recipients: &recipients{all: []folder.Recipient{{LegacyDN: dn + "free"}, {LegacyDN: dn + "mary"}, {LegacyDN: "/o=A+B/ou=ü/cn=x"}}}}
		ours, err := webdav.NewClient(wire{folder.New(c)}, "http://gw.contoso.com/")
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := webdav.NewClient(wire{folder.Library(c)}, "http://gw.contoso.com/")
		if err != nil {
			t.Fatal(err)
		}
		const plain = "/public/NON_IPM_SUBTREE/SCHEDULE+ FREE BUSY/"
		const sales = plain + "EX:_xF8FF_o=Contoso_xF8FF_ou=Sales/"
		for path, n := range map[string]int{"/public/NON_IPM_SUBTREE/": 2, plain: 3, sales: 3, plain + "EX:_xF8FF_o=A+B_xF8FF_ou=ü/": 2} {
			got, err := ours.ReadDir(t.Context(), path, false)
			if err != nil || len(got) != n {
				t.Errorf("%s: %d, %v", path, len(got), err)
			}
			want, err := theirs.ReadDir(t.Context(), path, false)
			if err != nil {
				t.Fatal(err)
			}
			for _, all := range [][]webdav.FileInfo{got, want} {
				sort.Slice(all, func(i, j int) bool { return all[i].Path < all[j].Path })
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s:\n%+v\n%+v is expected", path, got, want)
			}
		}
		for _, path := range []string{plain, sales + "USER-_xF8FF_cn=Recipients_xF8FF_cn=mary.EML"} {
			got, err := ours.Stat(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}
			want, err := theirs.Stat(t.Context(), path)
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %v\n%+v\n%+v is expected", path, err, got, want)
			}
		}
		if _, err := ours.ReadDir(t.Context(), plain, true); err == nil {
			t.Error("all below is listed")
		}
		if _, err := ours.Stat(t.Context(), sales+"USER-_xF8FF_cn=nobody.EML"); err == nil {
			t.Error("nobody is there")
		}
	})
}
